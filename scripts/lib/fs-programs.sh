# shellcheck shell=bash
# The checks of fs-checks.sh. Each is called with a folder of its own in one mount ($1), the same folder through
# another mount ($2), and a folder on the local disk as its working directory; ROOT, NODE and LONG are set. It fails
# with a word on what is wrong. Lines that begin with SAYS are shown where it passes.

# Prints why a check cannot run here, or nothing.
missing_for() {
  local program
  local -A needs=([fio]=fio [git]=git [sqlite]=sqlite3 [tar]=tar [c]="gcc make" [npm]=npm [stress]=stress-ng
    [rsync]=rsync [bonnie]=bonnie++ [dbench]=dbench)
  for program in ${needs[$1]}; do
    command -v "$program" >/dev/null || { printf '%s is not installed' "$program" && return; }
  done
  if [[ "$1" == dbench && ! -e /proc/sysvipc/sem ]]; then printf 'the kernel has no semaphores of System V'; fi
}

# $1 in the short form, $2 in the long one.
by_form() { if [[ "$LONG" == true ]]; then printf '%s' "$2"; else printf '%s' "$1"; fi; }

wrong() {
  printf '%s\n' "$*"
  exit 1
}

# A tree as people have them: sources, small and empty files, a large one, links of both kinds, modes and times.
make_tree() {
  mkdir -p "$1/deep/er" "$1/many"
  cp -r "$ROOT/$(by_form src/mount src)" "$1/sources"
  local number
  for number in $(seq "$(by_form 60 2000)"); do
    head -c $((number * 37)) /dev/urandom >"$1/many/$number"
  done
  head -c "$(by_form 9000001 90000001)" /dev/urandom >"$1/large"
  : >"$1/empty"
  printf x >"$1/ä b"
  ln "$1/many/1" "$1/deep/hard"
  ln "$1/many/1" "$1/deep/er/harder"
  ln -s ../many/2 "$1/deep/soft"
  ln -s nowhere "$1/broken"
  chmod 711 "$1/many/3" "$1/deep"
  touch -d '2001-02-03 04:05:06' "$1/many/4"
  touch -d '1999-01-01' "$1/deep/er"
}

check_fio() {
  local size jobs
  size="$(by_form 24M 1g)"
  jobs=4
  local common=(--directory="$1" --size="$size" --verify=crc32c --do_verify=1 --verify_fatal=1 --fallocate=none
    --ioengine=psync --output-format=terse --terse-version=3 --verify_state_save=0)
  fio --name=sequential --rw=write --bs=256k --end_fsync=1 "${common[@]}" >fio.1
  fio --name=random --rw=randwrite --bs=4k-64k --numjobs="$jobs" --randseed=7 --size="$(by_form 8M 128M)" \
    "${common[@]/--size=*/--group_reporting}" >fio.2
  fio --name=mixed --rw=randrw --bs=16k --numjobs="$jobs" --mem=mmap --size="$(by_form 8M 128M)" --fsync=64 \
    "${common[@]/--size=*/--group_reporting}" >fio.3
  # What was written through one mount, verified through the other.
  fio --name=sequential --rw=read --bs=256k --verify_only "${common[@]/--directory=*/--directory=$2}" >fio.4
  local file
  for file in "$1"/*; do cmp "$file" "$2/${file##*/}" || wrong "not the same at the other mount"; done
  printf 'SAYS %s files verified\n' "$(find "$1" -type f | wc -l)"
}

check_git() {
  export HOME="$PWD" GIT_CONFIG_NOSYSTEM=1
  git config --global user.email a@b
  git config --global user.name n
  git config --global gc.auto 0
  git config --global safe.directory '*'
  if [[ "$LONG" == true && -e "$ROOT/.git" ]]; then
    git clone -q --no-local "$ROOT" source
  else
    git init -q source
    mkdir source/src
    cp -r "$ROOT/src/std" "$ROOT/src/fs" "$ROOT/src/mount" source/src/
    git -C source add .
    git -C source commit -qm one
  fi
  git clone -q --no-local source "$1/clone"
  cd "$1/clone"
  git fsck --full --strict
  printf more >>more
  git add more
  git commit -qm more
  git checkout -qb other HEAD~1
  git mv src/std src/standard
  git commit -qam moved
  git checkout -q -
  git merge -q other -m merged
  git gc -q --prune=now
  git fsck --full --strict
  [[ -z "$(git status --porcelain)" ]] || wrong "the work tree is not clean"
  git clone -q --no-local "$2/clone" "$1/again"
  diff -r --exclude=.git "$1/clone" "$2/again"
  git -C "$2/again" fsck --full
  printf 'SAYS %s files\n' "$(git ls-files | wc -l)"
}

check_sqlite() {
  local mode rows
  rows="$(by_form 2000 200000)"
  for mode in delete wal; do
    local db="$1/$mode.db"
    [[ "$(sqlite3 "$db" "pragma journal_mode=$mode")" == "$mode" ]] || wrong "no journal mode $mode"
    sqlite3 "$db" "create table t (id integer primary key, text blob, n int); create index i on t (n)"
    local turn
    for turn in $(seq "$(by_form 5 40)"); do
      sqlite3 "$db" "begin; with recursive c(x) as (select 1 union all select x + 1 from c where x < $rows)
        insert into t (text, n) select randomblob(100), x % 97 from c; commit;
        begin; delete from t; rollback"
    done
    # One transaction that dies half way is undone by the next one who opens it.
    rm -f half
    mkfifo half
    sqlite3 "$db" <half &
    local pid=$!
    exec 7>half
    printf 'begin; update t set n = n + 1;\n' >&7
    sleep 1
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    exec 7>&-
    sqlite3 "$db" "delete from t where id % 2 = 0; vacuum"
    [[ "$(sqlite3 "$db" 'pragma integrity_check')" == ok ]] || wrong "integrity_check says no"
    local count
    count="$(sqlite3 "$db" 'select count(*) from t')"
    [[ "$count" == $((turn * rows / 2)) ]] || wrong "$count rows, not $((turn * rows / 2))"
    sqlite3 "$db" "pragma wal_checkpoint(truncate)" >/dev/null
    [[ "$(sqlite3 "file:$2/$mode.db?immutable=1" 'select count(*) from t')" == "$count" ]] ||
      wrong "not the same at the other mount"
  done
}

check_tar() {
  make_tree tree
  mkdir "$1/out"
  tar cf - --format=posix tree | tar xpf - --no-same-owner -C "$1/out"
  diff -r --no-dereference tree "$1/out/tree"
  diff -r --no-dereference tree "$2/out/tree"
  mkdir back
  tar cf - --format=posix -C "$2/out" tree | tar xpf - -C back
  diff -r --no-dereference tree back/tree
  local where
  for where in "$1/out" back; do
    diff <(cd tree && find . -printf '%P %y %m %T@ %n\n' | sed 's/\.\([0-9]\{6\}\)[0-9]*/.\1/' | grep -v ' d ' | sort) \
      <(cd "$where/tree" && find . -printf '%P %y %m %T@ %n\n' | sed 's/\.\([0-9]\{6\}\)[0-9]*/.\1/' | grep -v ' d ' | sort)
  done
  printf 'SAYS %s entries\n' "$(find tree | wc -l)"
}

check_c() {
  local units
  units="$(by_form 20 300)"
  cd "$1"
  local number
  printf 'int sum(void);\n' >all.h
  for number in $(seq "$units"); do
    printf '#include "all.h"\n#include <stdio.h>\nint f%d(void) { char t[9]; return snprintf(t, sizeof t, "%%d", %d); }\n' \
      "$number" "$number" >"f$number.c"
    printf 'int f%d(void);\n' "$number" >>all.h
  done
  {
    printf '#include "all.h"\n#include <stdio.h>\nint main(void) { int n = 0;\n'
    for number in $(seq "$units"); do printf 'n += f%d();\n' "$number"; done
    printf 'printf("%%d\\n", n); return 0; }\n'
  } >main.c
  cat >Makefile <<'MAKE'
CFLAGS = -O1 -g -MMD
OBJECTS = $(patsubst f%.c,f%.o,$(wildcard f*.c))
program: main.o libf.a
	$(CC) -o $@ $^
libf.a: $(OBJECTS)
	$(AR) rcs $@ $^
-include $(wildcard *.d)
MAKE
  make -s -j4 program
  local expected=0
  for number in $(seq "$units"); do expected=$((expected + ${#number})); done
  [[ "$(./program)" == "$expected" ]] || wrong "the program says $(./program), not $expected"
  [[ "$("$2/program")" == "$expected" ]] || wrong "the program says otherwise at the other mount"
  make -s -q program || wrong "what was built counts as out of date"
  printf '#define MORE 1\n' >>all.h
  ! make -s -q program || wrong "a changed header is not seen"
  make -s -j4 program
}

check_npm() {
  export HOME="$PWD" npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false
  PATH="$ROOT/node_modules/.bin:$PATH"
  mkdir "$1/dependency" "$1/package" "$1/package/src"
  cd "$1/dependency"
  printf '{"name":"dependency","version":"1.2.3","main":"index.js"}\n' >package.json
  printf 'exports.answer = 42;\n' >index.js
  npm pack --silent >/dev/null
  cd "$1/package"
  cat >package.json <<'JSON'
{"name":"inside","version":"1.0.0","type":"module","bin":{"inside":"dist/main.js"},"files":["dist"],
 "scripts":{"build":"tsc -p .","postbuild":"node dist/main.js > said"},
 "dependencies":{"dependency":"file:../dependency/dependency-1.2.3.tgz"}}
JSON
  printf '{"compilerOptions":{"outDir":"dist","module":"nodenext","strict":true,"types":[],"lib":["es2022"]},"include":["src"]}\n' >tsconfig.json
  printf 'declare module "dependency" { export const answer: number; }\n' >src/types.d.ts
  printf '#!/usr/bin/env node\nimport { answer } from "dependency";\nconsole.log(`answer ${answer}`);\n' >src/main.ts
  printf 'declare const console: { log(text: string): void };\n' >>src/types.d.ts
  npm install --offline --silent
  npm run --silent build
  [[ "$(<said)" == "answer 42" ]] || wrong "the package says '$(<said)'"
  npm pack --silent >/dev/null
  # All of the list is read: tar would fail at a reader that has seen enough.
  [[ "$(tar tf "$2/package/inside-1.0.0.tgz")" == *package/dist/main.js* ]] ||
    wrong "the packed package lacks its program"
  if [[ "$LONG" == true ]]; then
    mkdir "$1/jobx"
    (cd "$ROOT" && git ls-files -z | xargs -0 tar cf -) | tar xf - --no-same-owner -C "$1/jobx"
    cd "$1/jobx"
    HOME=/root npm ci --prefer-offline --silent
    npm run --silent build
    "$NODE" bin/jobx.js --help >/dev/null
    printf 'SAYS %s files installed\n' "$(find node_modules -type f | wc -l)"
  fi
}

check_stress() {
  local stressor seconds tried=0
  seconds="$(by_form 2 60)"
  mkdir "$1/t"
  local -A more=([hdd]="--hdd-bytes 8m --hdd-opts wr-rnd,rd-rnd,fsync" [seek]="--seek-size 4m" [dentry]="--dentries 200" [filename]="--filename-opts posix")
  for stressor in hdd rename link symlink dentry dir filename fstat seek flock chmod utime open touch mmap fault; do
    # shellcheck disable=SC2086 # One word for each option.
    stress-ng --"$stressor" 2 ${more[$stressor]-} --timeout "$seconds" --verify --temp-path "$1/t" 2>&1 ||
      wrong "stress-ng --$stressor"
    tried=$((tried + 1))
  done
  printf 'SAYS %s stressors\n' "$tried"
}

check_rsync() {
  make_tree tree
  rsync -aH --no-owner --no-group tree/ "$1/copy/"
  diff -r --no-dereference tree "$2/copy"
  [[ "$(stat -c %h "$2/copy/deep/hard")" == 3 ]] || wrong "a hard link was lost"
  [[ "$(readlink "$2/copy/deep/soft")" == ../many/2 ]] || wrong "a symbolic link was lost"
  # A second run finds nothing to do: sizes, times and links are as they were sent.
  local again
  again="$(rsync -aHi --no-owner --no-group tree/ "$1/copy/" | grep -v '^\.d' || true)"
  [[ -z "$again" ]] || wrong "rsync would send again: $again"
  printf changed >tree/many/5
  rm tree/many/6 tree/deep/er/harder
  rsync -aH --no-owner --no-group --delete --inplace tree/ "$1/copy/"
  diff -r --no-dereference tree "$2/copy"
  mkdir back
  rsync -aH --no-owner --no-group "$2/copy/" back/
  diff -r --no-dereference tree back
  rsync -an --checksum --itemize-changes --no-owner --no-group tree/ "$2/copy/" | grep -v '^\.d' && wrong "checksums differ"
  true
}

check_bonnie() {
  local form
  form="$(by_form "-s 0 -n 1:512:512:4" "-s 2g -r 1g -n 16:65536:512:16")"
  # shellcheck disable=SC2086 # One word for each option.
  bonnie++ -d "$1" -u "$(id -u)" -q -m jobx $form >bonnie.csv
  [[ -z "$(ls -A "$1")" ]] || wrong "bonnie++ left files behind"
  [[ "$(tail -n 1 bonnie.csv | tr ',' '\n' | wc -l)" -gt 40 ]] || wrong "bonnie++ said nothing"
}

check_dbench() {
  local seconds
  seconds="$(by_form 5 60)"
  dbench -D "$1" -t "$seconds" -c /usr/share/dbench/client.txt "$(by_form 2 8)" >dbench.out 2>&1 ||
    { tail -n 5 dbench.out && wrong "dbench failed"; }
  ! grep -qiE 'failed|error' dbench.out || wrong "$(grep -iE 'failed|error' dbench.out | head -n 3)"
  printf 'SAYS %s\n' "$(grep Throughput dbench.out)"
}
