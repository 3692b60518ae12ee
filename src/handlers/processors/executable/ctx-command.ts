/**
 * `jobx-ctx`: what a handler in another language says to its node, as a command of a shell. It writes into a
 * named pipe of the worker, so that it works through whatever has started it.
 */

/** The environment's name of the pipe, and of the file with the session. */
export const CTX_VARIABLE = "JOBX_CTX";
export const SESSION_VARIABLE = "JOBX_SESSION";

/** Bytes of one message: what the kernel writes into a pipe in one piece. */
export const CTX_MESSAGE_BYTES_MAX = 4096;

/**
 * A message is the number of its fields and the fields, each with a zero byte behind it. `publish` waits for an
 * answer in a pipe of its own, since its file may change as soon as it is through.
 */
export const CTX_SCRIPT = `#!/bin/sh
fail() { echo "jobx-ctx: $1" >&2; exit "\${2:-1}"; }
usage() {
  cat >&2 <<'END'
jobx-ctx log [debug|info|warn|error] TEXT
jobx-ctx status TEXT
jobx-ctx progress DONE TOTAL
jobx-ctx session set KEY VALUE    in mappers
jobx-ctx session get KEY          code 1 when there is none
jobx-ctx session list             lines of key and value
jobx-ctx publish FILE PATH        into the files of the workflow
END
  exit 64
}
send() {
  [ "$(printf '%s\\0' "$#" "$@" | wc -c)" -le ${CTX_MESSAGE_BYTES_MAX} ] || fail "more than ${CTX_MESSAGE_BYTES_MAX} bytes"
  printf '%s\\0' "$#" "$@" > "$${CTX_VARIABLE}"
}
[ -p "$${CTX_VARIABLE}" ] || fail "no handler runs here" 69
case "$1 $#" in
  "log 2") send log info "$2" ;;
  "log 3")
    case "$2" in debug | info | warn | error) send log "$2" "$3" ;; *) usage ;; esac ;;
  "status 2") send log info "status: $2" ;;
  "progress 3")
    case "$2$3" in *[!0-9]* | "") fail "DONE and TOTAL are numbers" 64 ;; esac
    send log info "progress: $2 of $3" ;;
  "session 4")
    [ "$2" = set ] || usage
    [ "$JOBX_HANDLER_TYPE" = mapper ] || fail "only a mapper may write its session"
    [ "$(printf '%s' "$3$4" | tr -d '\\t\\n' | wc -c)" -eq "$(printf '%s' "$3$4" | wc -c)" ] ||
      fail "tabulators and ends of lines are written as JSON, in quotes" 64
    send session "$3" "$4"
    printf '%s\\t%s\\n' "$3" "$4" >> "$${SESSION_VARIABLE}" ;;
  "session 3")
    [ "$2" = get ] || usage
    KEY="$3" awk -F '\\t' '
      $1 "" == ENVIRON["KEY"] "" { found = 1; value = substr($0, length($1) + 2) }
      END { if (found) print value; exit !found }' "$${SESSION_VARIABLE}" ;;
  "session 2")
    [ "$2" = list ] || usage
    cat "$${SESSION_VARIABLE}" ;;
  "publish 3")
    [ -f "$2" ] || fail "no such file: $2"
    case "$2" in /*) file="$2" ;; *) file="$PWD/$2" ;; esac
    reply="$(mktemp -u "$TMPDIR/ctx.XXXXXXXX")" && mkfifo "$reply" || fail "no pipe for the answer"
    send publish "$file" "$3" "$reply"
    answer="$(cat "$reply")"
    rm -f "$reply"
    [ -z "$answer" ] || fail "$answer" ;;
  *) usage ;;
esac
`;
