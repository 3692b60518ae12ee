# shellcheck shell=bash
# How cluster.sh sees the processes and the APIs of its nodes. Sourced, with HOST and DIR set.

# A pid file holds "pid start-time boot". A signal goes only to a process that still has both, so
# that a number used again by the kernel never hits a stranger.

# Prints state and start time of a process. Its name is in brackets and may hold blanks.
process_stat() {
  local stat
  { stat="$(<"/proc/$1/stat")"; } 2>/dev/null || return 1
  stat="${stat##*) }"
  # shellcheck disable=SC2086 # The fields are wanted one by one.
  set -- $stat
  printf '%s %s' "$1" "${20}"
}

boot_id() { cat /proc/sys/kernel/random/boot_id; }

# Prints "pid state" of node I's process, if it runs.
running() {
  local pid started boot state now
  { read -r pid started boot <"$(home "$1")/pid"; } 2>/dev/null || return 1
  [[ "$boot" == "$(boot_id)" ]] || return 1
  read -r state now <<<"$(process_stat "$pid")" || return 1
  [[ "$now" == "$started" && "$state" != Z && "$state" != X ]] || return 1
  printf '%s %s' "$pid" "$state"
}

# Sends a signal to node I; false when it does not run.
signal() {
  local found
  found="$(running "$2")" || return 1
  kill -s "$1" "${found% *}" 2>/dev/null
}

# Waits until node I is gone. $2: seconds.
gone() {
  local end=$((SECONDS + $2))
  while running "$1" >/dev/null; do
    ((SECONDS < end)) || return 1
    sleep 0.05
  done
  rm -f "$(home "$1")/pid"
}


# Prints the HTTP status of GET path $2 at port $1, or nothing.
http_status() {
  local version status=""
  {
    exec 8<>"/dev/tcp/$HOST/$1" &&
      printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$2" "$HOST" "$1" >&8 &&
      read -r -t 2 version status _ <&8
  } 2>/dev/null || true
  { exec 8>&-; } 2>/dev/null || true
  printf '%s' "${status:-}"
}

# Prints why node I says that it is not ready, or nothing when it says nothing.
unready_reason() {
  local port answer=""
  port="$(api_port "$1")"
  {
    exec 8<>"/dev/tcp/$HOST/$port" &&
      printf 'GET /readyz HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$HOST" "$port" >&8 &&
      answer="$(timeout 2 cat <&8)"
  } 2>/dev/null || true
  { exec 8>&-; } 2>/dev/null || true
  sed -n 's/.*"reason":"\([^"]*\)".*/\1/p' <<<"$answer"
}

# Writes process $2 into node I's pid file: aside and moved, so that a reader never sees half of it.
write_pid() {
  local file state started
  file="$(home "$1")/pid"
  read -r state started <<<"$(process_stat "$2")" || true
  printf '%s %s %s\n' "$2" "${started:-0}" "$(boot_id)" >"$file.new-$2"
  mv "$file.new-$2" "$file"
}
