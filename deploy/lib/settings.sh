# shellcheck shell=bash disable=SC2154
# Part of install.sh: user, folders, configuration, unit and nginx site. What an operator may have edited is kept.

make_user() {
    [ -z "$prefix" ] || return 0
    id "$user" >/dev/null 2>&1 ||
        useradd --system --user-group --home-dir "$state" --no-create-home --shell /usr/sbin/nologin \
            --comment "Smart Route" "$user"
}

make_folders() {
    mkdir -p "$home/releases" "$state" "$settings" "$prefix/usr/local/bin" "$prefix/etc/systemd/system"
    chmod 755 "$home" "$home/releases"
    chmod 750 "$state" "$settings"
    if [ -z "$prefix" ]; then
        chown "$user:$user" "$state"
        chown "root:$user" "$settings"
    fi
    ln -sfnT "$home/current/deploy/smartroute" "$prefix/usr/local/bin/smartroute"
}

# The first run writes them; later ones only refresh the example.
write_settings() {
    local address=${domain:-$(first_address)}
    if [ ! -e "$settings/environment" ]; then
        port=${port:-8000}
        sed -e "s|=/etc/|=$prefix/etc/|" -e "s|sqlite:////var/|sqlite:///$prefix/var/|" -e "s|^PORT=.*|PORT=$port|" \
            "$checkout/deploy/environment.example" | private "$settings/environment"
    elif [ -n "$port" ] && [ "$port" != "$(setting PORT)" ]; then
        say "--port is left out of account: $settings/environment is there and says PORT=$(setting PORT)"
    fi
    if [ ! -e "$settings/smartroute.toml" ]; then
        private "$settings/smartroute.toml" <<TOML
# What Smart Route serves; docs/configuration.md explains every key, smartroute.example.toml beside this file shows
# OpenAI, OpenRouter, Ollama and vLLM. After a change: sudo smartroute config check && sudo systemctl reload smart-route

[service]
public_url = "http://$address"         # what members type; https as soon as the certificate is there
trusted_proxies = ["127.0.0.1"]        # nginx on this machine

# No [[upstreams]] yet: the built-in demo answers, and says so.
TOML
    elif [ -n "$domain" ]; then
        say "--domain is left out of account for what is there already: $settings/smartroute.toml and the nginx site"
    fi
    private "$settings/smartroute.example.toml" <"$checkout/deploy/smartroute.example.toml"
}

# private FILE: write standard input there, for root to change and the service to read.
private() {
    local draft=$1.new
    (umask 077 && cat >"$draft")
    chmod 640 "$draft"
    [ -n "$prefix" ] || chown "root:$user" "$draft"
    mv -T "$draft" "$1"
}

first_address() {
    local found=''
    [ -n "$prefix" ] || found=$(hostname -I 2>/dev/null | awk '{ print $1 }')
    case $found in *:*) found="[$found]" ;; esac
    printf '%s' "${found:-127.0.0.1}"
}

# A wrong file would only be found when the new release starts: look before anything is switched.
check_configuration() {
    local said
    said=$("$home/releases/$release/deploy/smartroute" config check 2>&1) || {
        printf '%s\n' "$said" >&2
        fail "the new release cannot run on this configuration, see above; nothing has been switched."
    }
}

install_unit() {
    local unit=$prefix/etc/systemd/system/smart-route.service draft
    draft=$(mktemp)
    sed -e "s|/opt/smart-route|$home|g" "$checkout/deploy/systemd/smart-route.service" >"$draft"
    if ! cmp -s "$draft" "$unit"; then
        [ ! -e "$unit" ] || say "the unit has changed; the parts that confine the service take effect at its next restart"
        install -m 644 "$draft" "$unit"
        [ -n "$prefix" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload
    fi
    rm -f "$draft"
    [ -n "$prefix" ] || systemctl enable --quiet smart-route.service
}

install_site() {
    [ "$site" = yes ] || return 0
    local shipped=$checkout/deploy/nginx/smart-route.conf old=$home/current/deploy/nginx/smart-route.conf
    if [ -e "$site_file" ]; then
        [ ! -e "$old" ] || cmp -s "$old" "$shipped" ||
            say "the nginx site of this release is another one; yours is kept. Compare: diff $site_file $home/current/deploy/nginx/smart-route.conf"
        return 0
    fi
    mkdir -p "$(dirname "$site_file")" "$prefix/etc/nginx/sites-enabled"
    sed -e "s|server_name ai.example.org;|server_name ${domain:-$(first_address) localhost 127.0.0.1};|" \
        -e "s|server 127.0.0.1:8000 |server 127.0.0.1:$(setting PORT) |" "$shipped" >"$site_file"
    [ -e /proc/net/if_inet6 ] || sed -i '/listen \[::\]/d' "$site_file"
    ln -sfnT ../sites-available/smart-route.conf "$prefix/etc/nginx/sites-enabled/smart-route.conf"
    [ -z "$prefix" ] || return 0
    local said
    said=$(nginx -t 2>&1) || {
        rm -f /etc/nginx/sites-enabled/smart-route.conf
        mv -T "$site_file" "$site_file.refused"
        printf '%s\n' "$said" >&2
        fail "nginx refuses the site, see above; it is kept as $site_file.refused and not in force."
    }
    [ ! -d /run/systemd/system ] || systemctl reload-or-restart nginx
}
