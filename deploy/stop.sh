#!/bin/sh
# deploy/stop.sh MAIN SECONDS: tell the main process MAIN to stop, and wait until it and the release before it, which may
# still end its streams, are gone. What runs longer than SECONDS is cut.
#
# The unit's ExecStop. Left to itself systemd would cut every stream at once after an upgrade: it does not wait for a main
# process that another one has started, and kills what the main process leaves behind.
set -eu

main=${1:-}
patience=${2:-}
case $patience in '' | *[!0-9]*)
    echo "stop.sh: expected MAIN SECONDS" >&2
    exit 1
    ;;
esac

# runs PROCESS: whether it is there and has not ended (one that has ended and that nobody has asked after has no folder).
runs() { [ -e "/proc/$1/cwd" ]; }

# A main process that has ended by itself has no number: there is nobody to tell.
[ -n "$main" ] && runs "$main" || exit 0

before=''
parent=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$main/status")
case $(readlink "/proc/$parent/cwd" 2>/dev/null || true) in
"$(dirname "$(readlink "/proc/$main/cwd")")"/*) before=$parent ;;
esac

# any_runs: whether the main process or the release before it is still there.
any_runs() { runs "$main" || { [ -n "$before" ] && runs "$before"; }; }

# gone_within FIFTHS: wait until neither is there, at most so many fifths of a second.
gone_within() {
    left=$1
    while any_runs; do
        [ "$left" -gt 0 ] || return 1
        sleep 0.2
        left=$((left - 1))
    done
}

kill -TERM "$main" 2>/dev/null || exit 0
gone_within $((patience * 5)) && exit 0
# shellcheck disable=SC2086  # one number or none
kill -KILL "$main" $before 2>/dev/null || true
# A process that is cut takes a moment to go: what follows a stop may need its port and its files.
gone_within 25 || echo "stop.sh: a process that was cut is still there" >&2
