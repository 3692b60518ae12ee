#!/usr/bin/env bash
# A jobx cluster on this machine: real jobx-node processes on loopback.
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=scripts/lib/setup.sh
source "$ROOT/scripts/lib/setup.sh"
# shellcheck source=scripts/lib/nodes.sh
source "$ROOT/scripts/lib/nodes.sh"

help() {
  cat <<'TEXT'
Usage: scripts/cluster.sh COMMAND

  up N            make sure that the nodes 1 to N run; return when all are ready
  down            stop all nodes (SIGTERM, after 20 s SIGKILL); their data stays for the next `up`
  destroy         down, then delete the folder
  status          one line per node
  env             print the line `export JOBX_API=... JOBX_TOKEN=...` of a running node
  kill I...       SIGKILL, as a crash
  stop I...       SIGTERM: the node finishes what it can and leaves
  start I...      start stopped nodes with their old data and ports; return when their APIs answer
  pause I...      SIGSTOP
  resume I...     SIGCONT
  wait [SECONDS]  return when every running node is ready (60 s at most unless told otherwise)
  logs I [-f]     print a node's log; -f follows it
  demo            three nodes count words; the scheduler's node is killed on the way

Node I (from 1) is named node-I. What is not installed or built yet is, first.

  JOBX_CLUSTER_DIR        folder of this cluster (default .jobx/cluster in the checkout); with
                          different folders several clusters live side by side
  JOBX_CLUSTER_BASE_PORT  node I uses this port + 2 (I - 1) for the mesh and the next one for its API;
                          without it free ports are chosen once and kept
  JOBX_NODE_ARGS          more flags for the nodes that are started, for example "--slots 1"
TEXT
}

DIR="${JOBX_CLUSTER_DIR:-$ROOT/.jobx/cluster}"
[[ "$DIR" == /* ]] || DIR="$PWD/$DIR"
HOST=127.0.0.1
START_SECONDS=30 # until a new node's API answers
READY_SECONDS=60 # until a whole cluster is ready: elections and joins on a busy machine
EXPLAIN_SECONDS=5 # a cluster that starts well is ready before; then `up` says what it waits for
STOP_SECONDS=20  # a drain is shorter; then `down` loses its patience
PORT_TRIES=4     # somebody else may take a port between our check and the node's start
NODES_MAX=64     # one machine; catches a mistyped number

home() { printf '%s/node-%s' "$DIR" "$1"; }

# ---- ports -------------------------------------------------------------------------------------

# Prints two free ports. Below the kernel's ephemeral range where there is room: a port from inside
# it may be taken by somebody's outgoing connection while the node is down.
free_ports() {
  "$NODE" -e '
    const { createServer } = require("node:net");
    const { readFileSync } = require("node:fs");
    const low = Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s/)[0]);
    const first = 11000;
    const pick = () => low - first > 2000 ? first + Math.floor(Math.random() * (low - first)) : 0;
    const listen = (tries, held) => {
      const server = createServer();
      server.once("error", (error) => {
        if (tries === 0) throw error;
        listen(tries - 1, held);
      });
      server.listen({ host: "127.0.0.1", port: pick(), exclusive: true }, () => {
        held.push(server);
        if (held.length < 2) return listen(50, held);
        console.log(held.map((one) => one.address().port).join(" "));
        for (const one of held) one.close();
      });
    };
    listen(50, []);
  '
}

# True when process $1 itself listens on port $2: an answer at that port may be a stranger's.
owns_port() {
  local inode hex
  printf -v hex '%04X' "$2"
  inode="$(awk -v port="$hex" '$4 == "0A" && $2 ~ ":" port "$" { print $10; exit }' /proc/net/tcp)"
  [[ -n "$inode" ]] && find "/proc/$1/fd" -lname "socket:\\[$inode\\]" 2>/dev/null | grep -q .
}

choose_ports() {
  local base="${JOBX_CLUSTER_BASE_PORT:-}" file
  file="$(home "$1")/ports"
  mkdir -p "$(home "$1")"
  if [[ -n "$base" ]]; then
    printf '%s %s\n' $((base + 2 * ($1 - 1))) $((base + 2 * ($1 - 1) + 1)) >"$file.new"
  else
    free_ports >"$file.new"
  fi
  mv "$file.new" "$file"
}

mesh_port() { cut -d' ' -f1 "$(home "$1")/ports"; }
api_port() { cut -d' ' -f2 "$(home "$1")/ports"; }
api_url() { printf 'http://%s:%s' "$HOST" "$(api_port "$1")"; }

# ---- nodes -------------------------------------------------------------------------------------

# The first node's token: the cluster knows it, and it is there before the others have joined.
token() {
  local file
  file="$(home 1)/data/admin-token"
  [[ -r "$file" ]] || die "no token in $file: has node 1 ever started?"
  tr -d '[:space:]' <"$file"
}

jobx() { JOBX_API="$1" JOBX_TOKEN="$(token)" "$NODE" "$ROOT/bin/jobx.js" "${@:2}"; }

# Starts node I's process, further arguments are flags. It gets a session of its own and none of our
# descriptors, so that neither Ctrl-C nor a reader of our output waits for it.
launch() {
  local id="$1" folder pid
  shift
  folder="$(home "$id")"
  mkdir -p "$folder"
  # shellcheck disable=SC2206 # Flags are separated by blanks.
  local extra=(${JOBX_NODE_ARGS:-})
  (
    # By the process itself, which keeps its number: a node that nobody knows of would hold its data
    # directory for ever if we were killed at this moment.
    write_pid "$id" "$BASHPID"
    cd "$folder"
    # What the caller has set for nodes or calls of its own is not for this one.
    unset "${!JOBX_@}"
    if [[ -n "${JOIN_TICKET:-}" ]]; then export JOBX_JOIN="$JOIN_TICKET"; fi
    unset JOIN_TICKET
    exec </dev/null >>"$folder/log" 2>&1
    for path in /proc/self/fd/*; do
      fd="${path##*/}"
      ((fd > 2)) && eval "exec $fd>&-"
    done
    exec setsid "$NODE" "$ROOT/bin/jobx-node.js" --data "$folder/data" --name "node-$id" \
      --listen "/ip4/$HOST/tcp/$(mesh_port "$id")" --api "$HOST:$(api_port "$id")" \
      ${extra[@]+"${extra[@]}"} "$@"
  ) 9>&- &
  pid=$!
  until [[ "$(cut -d' ' -f1 "$folder/pid" 2>/dev/null)" == "$pid" ]]; do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.01
  done
  disown "$pid" 2>/dev/null || true
}

# Waits until node I listens on both its ports and its API answers anything. False when the process
# ended or the time is over.
answers() {
  local end=$((SECONDS + START_SECONDS)) found api mesh
  api="$(api_port "$1")"
  mesh="$(mesh_port "$1")"
  while ((SECONDS < end)); do
    found="$(running "$1")" || return 1
    if owns_port "${found% *}" "$api" && owns_port "${found% *}" "$mesh" &&
      [[ -n "$(http_status "$api" /healthz)" ]]; then
      return
    fi
    sleep 0.05
  done
  return 1
}

show_log_end() {
  say "the end of $(home "$1")/log:"
  tail -n 15 "$(home "$1")/log" >&2 || true
}

# True when node I's directory belongs to a cluster. Nothing of it is ever deleted then: it may hold
# what the cluster has acknowledged, and its key is that of a member.
is_member() {
  [[ -f "$(home "$1")/data/cluster.json" || -f "$(home "$1")/data/identity.json" ]]
}

# Starts node I: as the member that it is, else as the founder (node 1) or as a newcomer. What a first
# start that was broken off has left in the directory is used again.
launch_any() {
  local ticket
  if (($1 == 1)) || is_member "$1"; then
    launch "$1"
    return
  fi
  ticket="$(jobx "$(api_url 1)" cluster ticket --json |
    "$NODE" -p 'JSON.parse(require("node:fs").readFileSync(0, "utf8")).ticket')" ||
    die "node-1 gave no ticket"
  # Not as a flag: everybody on this machine sees those.
  JOIN_TICKET="$ticket" launch "$1"
}

# Waits until node I answers. When it ended because one of its ports was taken meanwhile, it gets
# others. $2: size of its log before it was launched.
await_start() {
  local id="$1" seen="$2" try
  for ((try = 1; ; try++)); do
    answers "$id" && return
    if running "$id" >/dev/null; then
      show_log_end "$id"
      die "node-$id does not answer after $START_SECONDS s"
    fi
    if ((try == PORT_TRIES)) || [[ -n "${JOBX_CLUSTER_BASE_PORT:-}" ]] ||
      ! tail -c "+$((seen + 1))" "$(home "$id")/log" | grep -q EADDRINUSE; then
      show_log_end "$id"
      die "node-$id ended while it started"
    fi
    choose_ports "$id"
    seen="$(log_bytes "$id")"
    launch_any "$id"
  done
}

log_bytes() { stat -c %s "$(home "$1")/log" 2>/dev/null || echo 0; }

ids() {
  local folder
  for folder in "$DIR"/node-*/; do
    folder="${folder%/}"
    if [[ -f "$folder/ports" ]]; then printf '%s\n' "${folder##*/node-}"; fi
  done | sort -n
}

need_id() {
  [[ "${1:-}" =~ ^[1-9][0-9]*$ ]] || die "which node? A number from 1, not '${1:-}'"
  [[ -f "$(home "$1")/ports" ]] || die "there is no node-$1 in $DIR"
}

wait_ready() {
  local begin=$SECONDS end=$((SECONDS + $1)) id reason said
  shift
  for id in "$@"; do
    said=""
    until [[ "$(http_status "$(api_port "$id")" /readyz)" == 200 ]]; do
      running "$id" >/dev/null || {
        show_log_end "$id"
        die "node-$id ended before it was ready"
      }
      if ((SECONDS >= begin + EXPLAIN_SECONDS)); then
        reason="$(unready_reason "$id")"
        if [[ -n "$reason" && "$reason" != "$said" ]]; then
          said="$reason"
          say "node-$id is not ready yet: $reason$(stopped_members)"
        fi
      fi
      ((SECONDS < end)) || {
        show_log_end "$id"
        die "node-$id is not ready in time: ${said:-it does not say why}$(stopped_members)"
      }
      sleep 0.05
    done
  done
}

# Prints which members do not run: a cluster without its majority waits for them.
stopped_members() {
  local id
  local -a stopped=()
  for id in $(ids); do
    if is_member "$id" && ! running "$id" >/dev/null; then stopped+=("node-$id"); fi
  done
  if ((${#stopped[@]} > 0)); then printf ' (stopped: %s)' "${stopped[*]}"; fi
}

line() {
  local id="$1" found pid="-" state=stopped
  if found="$(running "$id")"; then
    pid="${found% *}"
    if [[ "${found#* }" == [Tt] ]]; then
      state=paused
    elif [[ "$(http_status "$(api_port "$id")" /readyz)" == 200 ]]; then
      state=ready
    else
      state="not-ready"
    fi
  elif [[ -f "$(home "$id")/pid" ]]; then
    state=dead
  fi
  printf '%-8s %s  %-9s pid %-7s mesh %s  %s\n' "node-$id" "$(api_url "$id")" "$state" "$pid" \
    "$(mesh_port "$id")" "$(home "$id")"
}

print_env() {
  local id
  for id in $(ids); do
    if running "$id" >/dev/null; then
      printf 'export JOBX_API=%s JOBX_TOKEN=%s\n' "$(api_url "$id")" "$(token)"
      return
    fi
  done
  die "no node of $DIR runs"
}

# ---- commands ----------------------------------------------------------------------------------

# One command at a time starts or stops nodes of a cluster; kill, pause and the like never wait.
lock() {
  mkdir -p "$DIR"
  exec 9>"$DIR/lock"
  flock -w 120 9 || die "another command still works on $DIR"
}

# Launches node I unless it runs; a caller's `begun` and `seen` note that it must be waited for.
begin() {
  [[ -f "$(home "$1")/ports" ]] || choose_ports "$1"
  begun+=("$1")
  seen[$1]="$(log_bytes "$1")"
  running "$1" >/dev/null || launch_any "$1"
}

up() {
  local count="${1:-}" id
  [[ "$count" =~ ^[1-9][0-9]*$ ]] && ((count <= NODES_MAX)) || die "up needs a number of nodes, 1 to $NODES_MAX"
  ensure_ready
  lock
  chmod 700 "$DIR"
  say "the cluster's folder is $DIR"
  local -a all=() begun=() seen=()
  for ((id = 1; id <= count; id++)); do all+=("$id"); done
  for id in $(ids); do
    ((id == 1)) || is_member 1 || ! is_member "$id" ||
      die "node-$id has a cluster, but node-1's data is gone: bring it back, or destroy everything"
  done
  # Members first: a newcomer is admitted by a majority of them.
  for id in "${all[@]}"; do
    ((id == 1)) || is_member "$id" || continue
    begin "$id"
  done
  for id in ${begun[@]+"${begun[@]}"}; do await_start "$id" "${seen[id]}"; done
  begun=()
  for id in "${all[@]}"; do
    is_member "$id" && continue
    wait_ready "$READY_SECONDS" 1
    begin "$id"
  done
  for id in ${begun[@]+"${begun[@]}"}; do await_start "$id" "${seen[id]}"; done
  wait_ready "$READY_SECONDS" "${all[@]}"
  for id in "${all[@]}"; do line "$id"; done
  print_env
}

down() {
  local id
  local -a left=()
  [[ -d "$DIR" ]] || return 0
  lock
  for id in $(ids); do
    if signal TERM "$id"; then
      signal CONT "$id" || true # A paused process would never read it.
      left+=("$id")
    else
      rm -f "$(home "$id")/pid"
    fi
  done
  for id in ${left[@]+"${left[@]}"}; do
    gone "$id" "$STOP_SECONDS" && continue
    say "node-$id does not stop: SIGKILL"
    signal KILL "$id" || true
    gone "$id" 5 || say "node-$id is still there"
  done
}

destroy() {
  [[ -d "$DIR" ]] || return 0
  down
  # Only what this script made: the folder may be somebody's own.
  rm -rf "$DIR"/node-* "$DIR/lock"
  rmdir "$DIR" 2>/dev/null || true
}

status() {
  local id none=1
  for id in $(ids); do
    none=0
    line "$id"
  done
  ((none == 0)) || say "no nodes in $DIR"
}

start() {
  local id
  local -a begun=()
  (($# > 0)) || die "which node? A number from 1"
  for id in "$@"; do need_id "$id"; done
  lock
  for id in "$@"; do
    running "$id" >/dev/null && continue
    launch "$id"
    begun+=("$id")
  done
  for id in ${begun[@]+"${begun[@]}"}; do
    answers "$id" || {
      show_log_end "$id"
      die "node-$id did not start"
    }
  done
  for id in "$@"; do line "$id"; done
}

# $1: signal, $2: seconds to wait for the end (0: do not wait), then node numbers.
send() {
  local name="$1" patience="$2" id
  shift 2
  (($# > 0)) || die "which node? A number from 1"
  for id in "$@"; do need_id "$id"; done
  for id in "$@"; do
    signal "$name" "$id" || die "node-$id does not run"
    # A paused process would never read it.
    [[ "$name" != TERM ]] || signal CONT "$id" || true
  done
  ((patience == 0)) && return
  for id in "$@"; do
    gone "$id" "$patience" || die "node-$id still runs after $patience s"
  done
}

logs() {
  need_id "${1:-}"
  if [[ "${2:-}" == -f ]]; then
    exec tail -n 100 -F "$(home "$1")/log"
  fi
  cat "$(home "$1")/log"
}

main() {
  local command="${1:-help}"
  shift || true
  case "$command" in
    up) up "$@" ;;
    down) down ;;
    destroy) destroy ;;
    status) status ;;
    env) print_env ;;
    kill) send KILL 5 "$@" ;;
    stop) send TERM "$STOP_SECONDS" "$@" ;;
    start) start "$@" ;;
    pause) send STOP 0 "$@" ;;
    resume) send CONT 0 "$@" ;;
    wait)
      # shellcheck disable=SC2046 # One word per node.
      wait_ready "${1:-$READY_SECONDS}" $(for id in $(ids); do running "$id" >/dev/null && echo "$id"; done)
      ;;
    logs) logs "$@" ;;
    demo)
      ensure_ready
      ensure_python
      exec "$NODE" "$ROOT/scripts/demo.ts" "$@"
      ;;
    help | -h | --help) help ;;
    *)
      help >&2
      die "there is no command '$command'"
      ;;
  esac
}

main "$@"
