# bash completion for apus; made by `apus completion bash`.

_apus() {
    local line=${COMP_LINE:0:COMP_POINT} current out directive candidate
    local -a words=()
    # Bash cuts words at : and = as well; the program wants them whole.
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]} - 1]}
    COMPREPLY=()
    out=$("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null) || return
    directive=${out##*:}
    [[ $directive =~ ^[0-9]+$ ]] || return
    # Values of --flag=VALUE come without the flag, which bash keeps when it cuts at =.
    local before="" cut=""
    if [[ $current == --*=* ]]; then
        [[ $COMP_WORDBREAKS == *=* ]] || before=${current%%=*}=
        current=${current#*=}
    fi
    [[ $current == *:* && $COMP_WORDBREAKS == *:* ]] && cut=${current%"${current##*:}"}
    while IFS= read -r candidate; do
        candidate=${candidate%%$'\t'*}
        [[ -n $candidate ]] && COMPREPLY+=("$before${candidate#"$cut"}")
    done <<<"${out%:*}"
    ((directive & 2)) && compopt -o nospace
    ((directive & 4)) || ((${#COMPREPLY[@]})) || compopt -o default
}

complete -F _apus apus
