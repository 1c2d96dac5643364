# fish completion for apus; made by `apus completion fish`.

function __apus_complete
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

complete -c apus -f -a '(__apus_complete)'
