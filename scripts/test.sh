#!/usr/bin/env bash
# Installs, builds, checks and tests everything. The last line sums up; exit code 0 only when all is well.
#   scripts/test.sh            everything
#   scripts/test.sh unit sim   only these areas (types lint deps unit fuzz sim e2e fs)
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"
# shellcheck source=scripts/lib/setup.sh
source scripts/lib/setup.sh

# The same run everywhere: nobody to answer questions, no settings of the caller's own cluster.
exec </dev/null
for name in $(compgen -e | grep '^JOBX_' || true); do
  [[ "$name" == JOBX_RAFT_VECTORS ]] || unset "$name"
done
unset NODE_ENV UPDATE
export CI=true NO_COLOR=1

wanted=("$@")
for name in "$@"; do
  [[ " types lint deps unit fuzz sim e2e fs " == *" $name "* ]] || die "there is no area '$name'"
done
results="$(mktemp -d "${TMPDIR:-/tmp}/jobx-test.XXXXXX")"
trap 'rm -rf "$results"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# $1: area, $2: `check` or `tests`, $3: seconds at most, then the command. Goes on after a failure, so
# that one run shows everything.
area() {
  local name="$1" kind="$2" limit="$3" begin="$EPOCHREALTIME" code=0
  shift 3
  if ((${#wanted[@]} > 0)) && [[ " ${wanted[*]} setup " != *" $name "* ]]; then return; fi
  printf '\n== %s\n' "$name"
  if [[ "$kind" == tests ]]; then
    set -- "$@" -- --reporter=default --reporter=json --outputFile.json="$results/$name.json"
  fi
  if [[ "$(type -t "$1")" == function ]]; then
    "$@" || code=$?
  else
    # --kill-after: a test run that ignores SIGTERM must not hold the line for ever.
    timeout --kill-after=30 "$limit" "$@" || code=$?
  fi
  ((code == 0)) || say "== $name failed (exit $code)"
  awk -v n="$name" -v a="$begin" -v b="$EPOCHREALTIME" -v c="$code" -v k="$kind" \
    'BEGIN { printf "%s\t%.1f\t%d\t%s\n", n, b - a, c, k }' >>"$results/areas.tsv"
  return 0
}

setup() { (
  ensure_ready
  ensure_python
  ensure_python_msgpack
  ensure_network_tools
  ensure_container_engines
  ensure_sandbox
); }

area setup check 0 setup
if [[ ! -x "$NODE" ]]; then
  say "nothing can run without the project's own Node"
  printf '0 passed, 1 failed, 0 skipped\nTests 0 passed | 0 skipped | 1 failed\n'
  exit 1
fi
# Bounds in seconds, to end what hangs; together an hour. An idle machine with two cores needs a third.
area types check 60 npm run --silent types
area lint check 120 npm run --silent lint
area deps check 60 npm run --silent deps
area unit tests 480 npm run --silent test
area fuzz tests 150 npm run --silent test:fuzz
area sim tests 300 npm run --silent test:sim
area e2e tests 960 npm run --silent test:e2e
# Those that take seconds; scripts/fs-checks.sh without names runs all, on one node and on three.
area fs check 420 scripts/fs-checks.sh --install --nodes 3 fio git sqlite tar c npm rsync

code=0
"$NODE" scripts/tests-summary.ts "$results" || code=1
exit "$code"
