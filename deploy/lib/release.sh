# shellcheck shell=bash disable=SC2154
# Part of install.sh: a release is a folder of its own below releases/, code and virtual environment together.
# `current` leads to the one that serves, `previous` to the one before. Root owns them; the service only reads.

kept_releases=3

# What a running service has no use for, and what belongs to whoever works in the checkout.
not_copied=(.git .github .venv .venv.lock .hypothesis .mypy_cache .pytest_cache .ruff_cache __pycache__ node_modules
    '*.egg-info' ./build ./instance ./smartroute.toml ./tests ./tests_browser ./tests_clients ./benchmarks
    ./endurance)

make_release() {
    local staging=$home/releases/.staging version commit
    rm -rf "$staging"
    mkdir -p "$staging"
    tar -C "$checkout" "${not_copied[@]/#/--exclude=}" -cf - . | tar -C "$staging" --no-same-owner -xf -
    chmod -R u=rwX,go=rX "$staging"

    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$staging/pyproject.toml" | head -n 1)
    commit=$(commit_of_checkout)
    release=${version:-0}-${commit:-$(fingerprint "$staging")}
    if [ -e "$home/releases/$release/.complete" ] && same_code "$staging" "$home/releases/$release"; then
        rm -rf "$staging"
        say "release $release is there already"
    else
        [ "$(readlink "$home/current" 2>/dev/null)" != "releases/$release" ] || release=$release-$(fingerprint "$staging")
        rm -rf "${home:?}/releases/$release"
        mv -T "$staging" "$home/releases/$release"
        say "release $release: making its virtual environment"
    fi
    local folder=$home/releases/$release
    ln -sfnT "$state" "$folder/instance"
    [ -e "$folder/.venv" ] || copy_environment "$folder"
    "$folder/tools/setup" run || fail "the virtual environment of $release could not be made, see above; nothing has changed."
    # The service may not write here, so what Python compiles is compiled now.
    "$folder/.venv/bin/python" -m compileall -q -x '/\.venv/' "$folder" || fail "$folder holds a file that is no Python; nothing has changed."
    touch "$folder/.complete"
}

# The commit, where the checkout is exactly that commit; else nothing.
commit_of_checkout() {
    local git=(git -c "safe.directory=$checkout" -C "$checkout")
    command -v git >/dev/null && [ -e "$checkout/.git" ] || return 0
    [ -z "$("${git[@]}" status --porcelain 2>/dev/null || echo unknown)" ] || return 0
    "${git[@]}" rev-parse --short=10 HEAD 2>/dev/null || true
}

# fingerprint FOLDER: ten characters that its files make.
fingerprint() {
    (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-10)
}

# same_code A B: whether every file of A is in B as it is.
same_code() {
    (cd "$1" && find . -type f -print0 | xargs -0 sha256sum) | (cd "$2" && sha256sum --quiet --check - >/dev/null 2>&1)
}

# copy_environment FOLDER: begin with the present release's packages where both need the same; tools/setup
# then looks whether all is there, and fetches next to nothing.
copy_environment() {
    local old
    old=$(readlink -f "$home/current" 2>/dev/null) || return 0
    [ -e "$old/.complete" ] || return 0
    cmp -s "$old/requirements.txt" "$1/requirements.txt" || return 0
    [ "$(readlink -f "$old/.venv/bin/python")" = "$(readlink -f "$("$PYTHON" -c 'import sys; print(sys._base_executable)')")" ] || return 0
    old=$(readlink -f "$old/.venv")
    # Links cost no room. What is changed below or by pip is written anew, so the old release keeps what it has.
    cp -al "$old" "$1/.venv.copy" 2>/dev/null || {
        rm -rf "$1/.venv.copy"
        cp -a "$old" "$1/.venv.copy"
    }
    rm -f "$1"/.venv.copy/.made-for-*
    # Programs name their Python by its whole path.
    find "$1/.venv.copy/bin" "$1/.venv.copy/pyvenv.cfg" -type f -exec sed -i "s|$old/|$1/.venv/|g; s|$old\$|$1/.venv|" {} +
    mv -T "$1/.venv.copy" "$1/.venv"
}

previous_release() {
    local id
    id=$(readlink "$home/previous" 2>/dev/null) || fail "there is no previous release to go back to."
    [ -e "$home/$id/.complete" ] || fail "the previous release ($id) is no longer there."
    basename "$id"
}

# Keep the newest releases, the two that have a name, and whatever a process still runs from.
prune_releases() {
    local folder in_use kept=0
    in_use=$(readlink /proc/[0-9]*/cwd 2>/dev/null || true)
    while IFS= read -r folder; do
        kept=$((kept + 1))
        [ "$kept" -gt "$kept_releases" ] || continue
        [ "$folder" != "$(readlink -f "$home/current")" ] || continue
        [ "$folder" != "$(readlink -f "$home/previous")" ] || continue
        ! grep -qxF "$folder" <<<"$in_use" || continue
        say "removing the old release $(basename "$folder")"
        rm -rf "$folder"
    done < <(find "$home/releases" -mindepth 2 -maxdepth 2 -name .complete -printf '%T@ %h\n' | sort -rn | cut -d ' ' -f 2-)
}
