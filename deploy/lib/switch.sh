# shellcheck shell=bash disable=SC2154
# Part of install.sh: from one release to another. A running service hands over (SIGUSR2): its successor starts beside
# it, and only when that serves does the old one stop taking requests and let its streams end. What does not get so
# far changes nothing: the old one has served all the while.

# main_process: the process id of the running service's main process, or nothing.
main_process() {
    local id=''
    if [ -z "$prefix" ]; then
        [ -d /run/systemd/system ] || return 0
        id=$(systemctl show --property=MainPID --value smart-route.service 2>/dev/null)
    else
        # Written by the service for as long as it listens.
        id=$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' "$state"/running-*.json 2>/dev/null | tail -n 1)
    fi
    if [ -n "$id" ] && [ "$id" != 0 ] && [ -e "/proc/$id/cwd" ]; then
        printf '%s' "$id"
    fi
}

# runs_from PROCESS: the release that it was started from.
runs_from() {
    basename "$(readlink "/proc/$1/cwd" 2>/dev/null || true)"
}

# point_to RELEASE: make it current, in one step.
point_to() {
    ln -sfnT "releases/$1" "$home/.current.new"
    mv -T "$home/.current.new" "$home/current"
}

switch_to() {
    local new=$1 old main
    old=$(readlink "$home/current" 2>/dev/null || true)
    old=${old#releases/}
    main=$(main_process)
    if [ "$start" = no ]; then
        remember "$old" "$new"
        say "release $new is current; it was not started"
        return
    fi
    if [ -n "$main" ] && [ "$restart" = no ]; then
        if [ "$(runs_from "$main")" = "$new" ]; then
            remember "$old" "$new"
            say "release $new serves already"
            return
        fi
        hand_over "$main" "$new" "$old"
    elif [ -n "$prefix" ]; then
        remember "$old" "$new"
        say "release $new is current; start it: $prefix/usr/local/bin/smartroute serve"
        return
    else
        start_anew "$new" "$old"
    fi
    remember "$old" "$new"
    say "release $new serves"
}

remember() {
    point_to "$2"
    [ -z "$1" ] || [ "$1" = "$2" ] || ln -sfnT "releases/$1" "$home/previous"
}

# A main process whose own predecessor still drains takes no SIGUSR2. One without streams needs a moment to end, too.
check_successor_is_possible() {
    local main before deadline=$((SECONDS + 6))
    main=$(main_process)
    if [ -z "$main" ] || [ "$start" = no ] || [ "$restart" = yes ]; then
        return 0
    fi
    while before=$(predecessor_of "$main") && [ -n "$before" ]; do
        [ "$SECONDS" -lt "$deadline" ] ||
            fail "the release before the running one still ends its streams (process $before, for drain_seconds at most): try again then, or use --restart."
        sleep 0.2
    done
}

# predecessor_of MASTER: the process that started it to take over and has not ended yet, or nothing.
predecessor_of() {
    local before
    before=$(awk '/^PPid:/ { print $2 }' "/proc/$1/status" 2>/dev/null || true)
    case $(readlink "/proc/$before/cwd" 2>/dev/null || true) in
    "$home"/releases/*) printf '%s' "$before" ;;
    esac
}

# hand_over MAIN NEW OLD
hand_over() {
    local main=$1 new=$2 old=$3 successor='' deadline asked
    check_successor_is_possible
    say "release $new takes over from ${old:-the running one}"
    point_to "$new"
    kill -USR2 "$main"
    deadline=$((SECONDS + wait_s)) asked=$SECONDS
    while [ "$SECONDS" -lt "$deadline" ]; do
        sleep 0.2
        if [ -z "$successor" ]; then
            successor=$(successor_of "$main")
            if [ -z "$successor" ] && [ "$SECONDS" -ge $((asked + 3)) ]; then
                # It takes a second until it knows that its own predecessor has ended, and is deaf for this till then.
                [ "$SECONDS" -lt $((deadline - wait_s + 10)) ] || break
                kill -USR2 "$main" || break
                asked=$SECONDS
            fi
        elif [ "$(main_process)" = "$successor" ]; then
            return
        elif [ ! -e "/proc/$successor/cwd" ]; then
            break
        fi
    done
    # Nothing of it may take over later, when `current` names the old one again.
    [ -z "$successor" ] || kill -TERM "$successor" 2>/dev/null || true
    [ -z "$old" ] || point_to "$old"
    last_log_lines
    fail "release $new did not get ready; ${old:-the old one} serves on as before, no stream was cut."
}

# successor_of MASTER: the process that its SIGUSR2 started, or nothing.
successor_of() {
    local file
    while IFS= read -r file; do
        if grep -qs "^PPid:[[:space:]]*$1\$" "${file%/environ}/status"; then
            basename "${file%/environ}"
            return
        fi
    done < <(grep -lzsx "GUNICORN_PID=$1" /proc/[0-9]*/environ)
}

# start_anew NEW OLD: where nothing runs, or a restart was asked for.
start_anew() {
    local new=$1 old=$2
    point_to "$new"
    systemctl reset-failed smart-route.service 2>/dev/null || true
    if timeout "$wait_s" systemctl restart smart-route.service; then
        return
    fi
    last_log_lines
    if [ -z "$old" ] || [ "$old" = "$new" ]; then
        fail "release $new did not start; the log above says why."
    fi
    point_to "$old"
    systemctl stop smart-route.service || true
    systemctl reset-failed smart-route.service 2>/dev/null || true
    systemctl start smart-route.service ||
        fail "release $new did not start, and neither did $old: journalctl -u smart-route says why."
    fail "release $new did not start; $old serves again."
}

last_log_lines() {
    [ -z "$prefix" ] || return 0
    journalctl --unit=smart-route --lines=15 --no-pager --output=cat >&2 2>/dev/null || true
}

last_words() {
    [ "$start" = yes ] && [ -z "$prefix" ] || return 0
    local address
    address=$(sed -n 's/^public_url = "\([^"]*\)".*/\1/p' "$settings/smartroute.toml" | head -n 1)
    say "members type ${address:-http://127.0.0.1:$(setting PORT)}; the first operator: sudo smartroute accounts operator-link"
}
