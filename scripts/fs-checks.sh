#!/usr/bin/env bash
# Programs that are hard on a file system, on mounts of a real cluster.
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=scripts/lib/setup.sh
source "$ROOT/scripts/lib/setup.sh"
# shellcheck source=scripts/lib/fs-programs.sh
source "$ROOT/scripts/lib/fs-programs.sh"

help() {
  cat <<'TEXT'
Usage: scripts/fs-checks.sh [--long] [--nodes N]... [--install] [--keep] [CHECK...]

Starts a cluster of one node and then one of three, mounts a workflow's volume at two nodes (one node: twice at that
node) and runs other people's programs in the first mount. What they leave behind is compared through the second one.
The short form takes some ten minutes on two cores.

  --long      larger files, more operations, whole packages
  --nodes N   only a cluster of N nodes; may be said more than once
  --install   install what is missing (Debian, as root); without it a check whose program is missing is skipped
  --keep      leave cluster and mounts of a failed run as they are

Checks: fio git sqlite tar c npm stress rsync bonnie dbench

What these programs could ask for and the mount refuses on purpose:
  extended attributes security.* and system.* (so no ACLs and capabilities: tar --acls, rsync -A, stress-ng --xattr
  beyond user.*), locks between machines (flock and POSIX locks hold within one mount: stress-ng and sqlite run in one),
  chown to another user (tar and rsync run without owners), fallocate with holes, device files, O_TMPFILE.

The last line counts: "N passed, N failed, N skipped". Exit code 0 only without a failure.
TEXT
}

CHECKS=(fio git sqlite tar c npm stress rsync bonnie dbench)
PACKAGES=(fio git sqlite3 tar gcc make stress-ng rsync bonnie++ dbench libc6-dev)
LONG=false
KEEP=false
INSTALL=false
SIZES=()
WANTED=()

while (($# > 0)); do
  case "$1" in
    --long) LONG=true ;;
    --keep) KEEP=true ;;
    --install) INSTALL=true ;;
    --nodes)
      [[ "${2:-}" =~ ^[1-9]$ ]] || die "--nodes wants a number from 1 to 9"
      SIZES+=("$2")
      shift
      ;;
    --help | -h)
      help
      exit 0
      ;;
    *)
      [[ " ${CHECKS[*]} " == *" $1 "* ]] || die "there is no check '$1'"
      WANTED+=("$1")
      ;;
  esac
  shift
done
((${#SIZES[@]} > 0)) || SIZES=(1 3)
((${#WANTED[@]} > 0)) || WANTED=("${CHECKS[@]}")

PATH="$PATH:/usr/sbin:/sbin"
export PATH LC_ALL=C.UTF-8
if $INSTALL; then
  install_packages "${PACKAGES[@]}" || say "not all of these could be installed: ${PACKAGES[*]}"
fi
ensure_installed
ensure_built
if [[ ! -r /dev/fuse ]]; then
  say "/dev/fuse cannot be read: nothing can be mounted here"
  printf '0 passed, 0 failed, %s skipped\n' $((${#WANTED[@]} * ${#SIZES[@]}))
  exit 0
fi

# A check that hangs is killed after so many seconds.
CHECK_SECONDS=600
if $LONG; then CHECK_SECONDS=1800; fi

WORK="$(mktemp -d "${TMPDIR:-/tmp}/jobx-fs-checks.XXXXXX")"
CHECK=""
PASSED=0
FAILED=0
SKIPPED=0
# For the checks: where they work, where the same is seen through another node, and room on the local disk.
export ROOT LONG NODE HERE="$WORK/here" THERE="$WORK/there" LOCAL="$WORK/local"

cluster() { JOBX_CLUSTER_DIR="$WORK/cluster" "$ROOT/scripts/cluster.sh" "$@"; }

# Mounts the volume at $1, through the nodes whose addresses follow.
mount_at() {
  local directory="$1" urls
  shift
  urls="$(IFS=,; printf '%s' "$*")"
  mkdir -p "$directory"
  "$NODE" "$ROOT/bin/jobx.js" fs mount checks: "$directory" --api "$urls" --background \
    --staging "$LOCAL" --log "$WORK/${directory##*/}.log"
}

unmount_all() {
  local directory
  for directory in "$HERE" "$THERE"; do
    mountpoint -q "$directory" 2>/dev/null || continue
    "$NODE" "$ROOT/bin/jobx.js" fs unmount "$directory" --wait 10 >&2 || umount -l "$directory" || true
  done
}

finish() {
  local code=$?
  trap - EXIT
  if [[ -n "$CHECK" ]]; then
    kill "$CHECK" 2>/dev/null || true
    wait "$CHECK" 2>/dev/null || true
  fi
  if $KEEP && ((code != 0)); then
    say "left as it is: $WORK"
    exit "$code"
  fi
  unmount_all
  cluster destroy >&2 || true
  # Never into what may still be mounted.
  rm -rf --one-file-system "$WORK"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Runs one check on the mounts, in a shell of its own that can be killed.
run_check() {
  local name="$1" nodes="$2" begin="$EPOCHREALTIME" code=0 missing seconds
  missing="$(missing_for "$name")"
  if [[ -n "$missing" ]]; then
    printf 'skipped  %-8s %s nodes: %s\n' "$name" "$nodes" "$missing"
    SKIPPED=$((SKIPPED + 1))
    return
  fi
  mkdir -p "$LOCAL/$name"
  timeout --kill-after=10 "$CHECK_SECONDS" bash -euo pipefail -c "
    source '$ROOT/scripts/lib/fs-programs.sh'
    mkdir \"\$HERE/$name\"
    cd \"\$LOCAL/$name\"
    check_$name \"\$HERE/$name\" \"\$THERE/$name\"
    cd /
    rm -r \"\$HERE/$name\"
    # A name may be known for a second after another mount took it away.
    for wait in 1 2 3; do [[ ! -e \"\$THERE/$name\" ]] || sleep 1; done
    [[ ! -e \"\$THERE/$name\" ]] || wrong \"$name is still there at the other mount\"
  " >"$WORK/$name.out" 2>&1 </dev/null &
  CHECK=$!
  # Waited for so that a signal to this script is heard meanwhile.
  wait "$CHECK" || code=$?
  CHECK=""
  seconds="$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')"
  if ((code == 0)); then
    printf 'ok       %-8s %s nodes, %s s  %s\n' "$name" "$nodes" "$seconds" "$(sed -n 's/^SAYS //p' "$WORK/$name.out" | paste -sd' ')"
    PASSED=$((PASSED + 1))
  else
    printf 'FAILED   %-8s %s nodes, %s s, exit %s\n' "$name" "$nodes" "$seconds" "$code"
    tail -n 40 "$WORK/$name.out" | sed 's/^/    /'
    FAILED=$((FAILED + 1))
  fi
  rm -rf "$LOCAL/$name"
}

for nodes in "${SIZES[@]}"; do
  mkdir -p "$LOCAL"
  cluster up "$nodes" >&2
  eval "$(cluster env)"
  IFS=, read -ra urls <<<"$JOBX_API"
  "$NODE" "$ROOT/bin/jobx.js" workflow create checks >/dev/null
  mount_at "$HERE" "${urls[@]}" >&2
  # The last node first: what is written through one is read through another.
  mount_at "$THERE" "${urls[-1]}" "${urls[@]}" >&2
  for name in "${WANTED[@]}"; do run_check "$name" "$nodes"; done
  for log in here there; do
    grep -hE '"level":"?(50|60|error)' "$WORK/$log.log" | tail -n 5 >&2 || true
  done
  unmount_all
  cluster destroy >&2
done
printf '%s passed, %s failed, %s skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
((FAILED == 0))
