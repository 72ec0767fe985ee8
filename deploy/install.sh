#!/bin/bash
# deploy/install.sh: install Smart Route from this checkout on Debian or Ubuntu, or upgrade what is installed.
# Asks nothing and may be run again at any time; docs/operating.md walks through it. --help lists the options.
set -euo pipefail

checkout=$(dirname "$(dirname "$(readlink -f "$0")")")
prefix='' domain='' port='' wait_s=3600 packages=yes start=yes site=yes restart=no rollback=no

# shellcheck source=deploy/lib/checks.sh
source "$checkout/deploy/lib/checks.sh"
# shellcheck source=deploy/lib/release.sh
source "$checkout/deploy/lib/release.sh"
# shellcheck source=deploy/lib/settings.sh
source "$checkout/deploy/lib/settings.sh"
# shellcheck source=deploy/lib/switch.sh
source "$checkout/deploy/lib/switch.sh"

usage() {
    cat <<'TEXT'
sudo deploy/install.sh [options]     from a checkout: installs it, or upgrades to it

  --domain NAME    the name that members type, such as ai.example.org; at the first run only (default: this
                   machine's address)
  --port PORT      where the service listens behind nginx; at the first run only (default: 8000)
  --rollback       go back to the release that ran before the present one, and install nothing
  --restart        stop and start instead of handing over: running streams have 5 minutes
  --wait SECONDS   how long a new release may take until it serves, backup and migration included (default: 3600)
  --no-start       install, but neither start nor hand over
  --no-packages    install no Debian packages; say what is missing
  --no-nginx       leave nginx alone
  --prefix DIR     install below DIR instead of /, for a trial: no user, no packages, no systemd, no nginx reload;
                   needs no root

PYTHON=/path/to/python3.11 names the Python to use; it needs 3.11 or newer.
TEXT
}

say() { printf 'install: %s\n' "$1"; }
fail() {
    printf 'install: %s\n' "$1" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
    --domain | --port | --wait | --prefix)
        [ $# -ge 2 ] || fail "$1 needs a value; --help tells which."
        case $1 in
        --domain) domain=$2 ;;
        --port) port=$2 ;;
        --wait) wait_s=$2 ;;
        --prefix) prefix=$2 ;;
        esac
        shift
        ;;
    --rollback) rollback=yes ;;
    --restart) restart=yes ;;
    --no-start) start=no ;;
    --no-packages) packages=no ;;
    --no-nginx) site=no ;;
    -h | --help)
        usage
        exit
        ;;
    *) fail "there is no option '$1'; --help lists them." ;;
    esac
    shift
done

check_options
home=$prefix/opt/smart-route
state=$prefix/var/lib/smart-route
settings=$prefix/etc/smart-route
site_file=$prefix/etc/nginx/sites-available/smart-route.conf
user=smartroute
[ -z "$prefix" ] || user=$(id -un)

check_root
one_at_a_time
if [ "$rollback" = yes ]; then
    release=$(previous_release)
    switch_to "$release"
    exit
fi

check_system
install_packages
check_python
check_space
check_ports
check_successor_is_possible
make_user
make_folders
write_settings
make_release
check_configuration
install_unit
install_site
switch_to "${release:?}"
prune_releases
last_words
