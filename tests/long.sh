#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The long checks of ./dev test --long, one script a part in tests/long.
#
#   long.sh list             prints the parts and what each checks
#   long.sh check PART...    fails when a name is no part
#   long.sh run [PART...]    runs the parts named, or all; goes on after one that failed and fails at the end
#
# A part that passed on a commit is not run on it again: build/long/COMMIT/PART stands for that. With uncommitted changes
# nothing is a commit: every part runs and none is stamped. A part that exits with 77 lacks something here (a compiler, a peer):
# it is neither a failure nor stamped.
set -eu
cd "$(dirname "$0")/.."

parts=""
for script in tests/long/*.sh; do parts="$parts $(basename "$script" .sh)"; done

check() {
    for part in "$@"; do
        [ -f "tests/long/$part.sh" ] && continue
        printf 'There is no part "%s"; parts are:%s\n' "$part" "$parts" >&2
        exit 2
    done
}

stamps=""
if [ -z "$(git status --porcelain 2>/dev/null || echo unknown)" ]; then stamps=build/long/$(git rev-parse HEAD); fi

run() {
    summary=""
    failed=0
    for part in "$@"; do
        if [ -n "$stamps" ] && [ -e "$stamps/$part" ]; then
            outcome="passed before on this commit"
        else
            printf '== %s\n' "$part"
            status=0
            sh "tests/long/$part.sh" || status=$?
            case $status in
                0)
                    outcome=passed
                    if [ -n "$stamps" ]; then mkdir -p "$stamps" && touch "$stamps/$part"; fi
                    ;;
                77) outcome="not run: something is missing here" ;;
                *) outcome=FAILED; failed=1 ;;
            esac
        fi
        summary="$summary$(printf '   %-8s %s' "$part" "$outcome")
"
    done
    printf '== summary\n%s' "$summary"
    return $failed
}

command=${1:-}
[ $# -gt 0 ] && shift
case "$command" in
    list)
        # What a part checks is the line below its licence.
        for part in $parts; do printf '%-8s %s\n' "$part" "$(sed -n '3s/^# //p' "tests/long/$part.sh")"; done
        ;;
    check) check "$@" ;;
    run)
        check "$@"
        # shellcheck disable=SC2086  # a list
        [ $# -gt 0 ] || set -- $parts
        run "$@"
        ;;
    *)
        echo "usage: long.sh list | check PART... | run [PART...]" >&2
        exit 2
        ;;
esac
