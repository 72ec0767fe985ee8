# shellcheck shell=bash disable=SC2154
# Part of install.sh: what must be true before anything is changed. Each failure is one sentence and what helps.

need_mb=600 # a release with its virtual environment takes 200, pip's cache and a migration's backup come on top
packages_needed='python3 python3-venv nginx ca-certificates curl'

check_options() {
    case $port in *[!0-9]* | ??????*) fail "--port must be a number from 1 to 65535, not '$port'." ;; esac
    if [ -n "$port" ] && { [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; }; then
        fail "--port must be a number from 1 to 65535, not '$port'."
    fi
    case $wait_s in '' | *[!0-9]*) fail "--wait must be a number of seconds, not '$wait_s'." ;; esac
    case $domain in *[!A-Za-z0-9.-]* | -*) fail "--domain must be a host name such as ai.example.org, not '$domain'." ;; esac
    if [ -n "$prefix" ]; then
        mkdir -p "$prefix" || fail "--prefix: $prefix cannot be made."
        prefix=$(readlink -f "$prefix")
        case $prefix in
        /) prefix='' ;;
        *[!A-Za-z0-9/._-]*) fail "--prefix must be a path of letters, digits and / . _ -, not '$prefix'." ;;
        esac
    fi
}

check_root() {
    [ -n "$prefix" ] || [ "$(id -u)" -eq 0 ] || fail "run it as root: sudo deploy/install.sh (or with --prefix DIR for a trial)."
}

one_at_a_time() {
    mkdir -p "$home"
    exec 9>"$home/.install.lock"
    flock -n 9 || fail "another install.sh is at work on $home."
}

check_system() {
    for file in app.py requirements.txt gunicorn.conf.py tools/setup; do
        [ -e "$checkout/$file" ] || fail "$checkout is no whole checkout: $file is missing."
    done
    case $checkout/ in "$home"/releases/*) fail "this is an installed release: run deploy/install.sh of a checkout." ;; esac
    [ -z "$prefix" ] || return 0
    command -v apt-get >/dev/null || fail "this system has no apt-get: Debian 12 or newer, or Ubuntu 24.04 or newer, is needed."
    [ -d /run/systemd/system ] || [ "$start" = no ] ||
        fail "systemd does not run here (a container?): with --no-start everything but the start is done."
}

install_packages() {
    [ -z "$prefix" ] || return 0
    local missing='' package
    for package in $packages_needed; do
        [ "$site" = yes ] || [ "$package" != nginx ] || continue
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    [ "$packages" = yes ] || fail "missing packages: apt-get install$missing (or run without --no-packages)."
    say "installing$missing"
    local log
    log=$(mktemp)
    # shellcheck disable=SC2086  # a list of names
    { DEBIAN_FRONTEND=noninteractive apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
        --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 $missing; } >"$log" 2>&1 || {
        cat "$log" >&2
        rm -f "$log"
        fail "apt-get could not install$missing; its reason stands above."
    }
    rm -f "$log"
}

check_python() {
    for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$python" -c 'import ensurepip, venv' 2>/dev/null ||
                fail "$python cannot make virtual environments: apt-get install python3-venv"
            PYTHON=$(command -v "$python")
            export PYTHON
            return
        fi
    done
    fail "Python 3.11 or newer is needed, as in Debian 12 and Ubuntu 24.04; with one of your own: PYTHON=/path/to/python3.11 deploy/install.sh"
}

check_space() {
    local free_mb database_mb=0
    free_mb=$(df -Pm "$home" | awk 'NR == 2 { print $4 }')
    [ "$free_mb" -ge "$need_mb" ] || fail "$home has $free_mb MB free, a release needs $need_mb: make room first."
    # An upgrade may copy the database before it migrates it.
    if [ -f "$state/smartroute.db" ]; then
        database_mb=$(($(stat -c %s "$state/smartroute.db") / 500000 + 50))
        free_mb=$(df -Pm "$state" | awk 'NR == 2 { print $4 }')
        [ "$free_mb" -ge "$database_mb" ] || fail "$state has $free_mb MB free; for the backup of its database $database_mb are needed."
    fi
}

# is_free PORT: whether this machine can listen there.
is_free() {
    "$PYTHON" - "$1" <<'PYTHON'
import socket, sys
probe = socket.socket()
probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    probe.bind(("127.0.0.1", int(sys.argv[1])))
except OSError:
    sys.exit(1)
PYTHON
}

check_ports() {
    [ -z "$(main_process)" ] || return 0
    local wanted=${port:-$(setting PORT)}
    is_free "${wanted:-8000}" ||
        fail "port ${wanted:-8000} is taken by another program: choose one by --port (later: PORT in $settings/environment)."
    if [ -z "$prefix" ] && [ "$site" = yes ] && ! systemctl is-active --quiet nginx 2>/dev/null; then
        is_free 80 || fail "port 80 is taken by a program that is not nginx: stop that, or use --no-nginx."
    fi
}

# setting NAME: its value in the environment file that is there, if any.
setting() {
    [ -f "$settings/environment" ] || return 0
    sed -n "s/^$1=[\"']\{0,1\}\([^\"']*\)[\"']\{0,1\}\r\{0,1\}\$/\1/p" "$settings/environment" | tail -n 1
}
