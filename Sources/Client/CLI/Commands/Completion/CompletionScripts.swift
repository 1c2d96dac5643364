// SPDX-License-Identifier: Apache-2.0
// The shells' side of completion: each script asks `apus __complete WORDS...` and shows what it answers.

/// What `apus completion SHELL` prints; the files of packaging/completions are these texts.
package enum CompletionScripts {
    package static let shells = ["bash", "zsh", "fish"]

    /// The script for `shell`, which completes the command `name`; nil for a shell there is none for.
    package static func script(_ shell: String, name: String) -> String? {
        switch shell {
        case "bash": named(bash, name)
        case "zsh": named(zsh, name)
        case "fish": named(fish, name)
        default: nil
        }
    }

    private static func named(_ script: String, _ name: String) -> String {
        script.split(separator: "@NAME@", omittingEmptySubsequences: false).joined(separator: name)
    }

    private static let bash = #"""
        # bash completion for @NAME@; made by `@NAME@ completion bash`.

        _@NAME@() {
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

        complete -F _@NAME@ @NAME@

        """#

    private static let zsh = #"""
        #compdef @NAME@
        # zsh completion for @NAME@; made by `@NAME@ completion zsh`.

        _@NAME@() {
            local out directive line name
            local -a lines candidates space
            out=$("${(Q)words[1]/#\~/$HOME}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null) || return 1
            lines=("${(@f)out}")
            directive=${lines[-1]#:}
            [[ $directive == <-> ]] || return 1
            lines[-1]=()
            for line in $lines; do
                name=${line%%$'\t'*}
                name=${name//:/\\:}
                [[ $line == *$'\t'* ]] && name+=":${line#*$'\t'}"
                candidates+=("$name")
            done
            [[ $PREFIX == --*=* ]] && compset -P 1 '*='
            if (( $#candidates )); then
                (( directive & 2 )) && space=(-S '')
                _describe -t candidates '@NAME@' candidates $space
            elif (( ! (directive & 4) )); then
                _files
            fi
        }

        if [[ $funcstack[1] == _@NAME@ ]]; then _@NAME@ "$@"; else compdef _@NAME@ @NAME@; fi

        """#

    private static let fish = #"""
        # fish completion for @NAME@; made by `@NAME@ completion fish`.

        function __@NAME@_complete
            set -l words (commandline -opc)
            set -l current (commandline -ct)
            test (count $current) -eq 0; and set current ""
            set -l out ($words[1] __complete $words[2..] $current 2>/dev/null)
            test (count $out) -gt 0; or return
            set -l directive (string replace -r '^:' '' -- $out[-1])
            string match -qr '^[0-9]+$' -- $directive; or return
            set -e out[-1]
            if test (count $out) -gt 0
                # Values of --flag=VALUE come without the flag.
                set -l before (string match -r '^--[^=]+=' -- $current)
                for line in $out
                    printf '%s%s\n' "$before" $line
                end
            else if test (math "floor($directive / 4) % 2") -eq 0
                __fish_complete_path $current
            end
        end

        complete -c @NAME@ -f -a '(__@NAME@_complete)'

        """#
}
