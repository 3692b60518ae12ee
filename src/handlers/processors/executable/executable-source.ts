/** Sources of executables: checked without being run, and put where the machine can start them. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { FromWorker, StartMessage, ToWorker } from "../../../wire/worker-protocol.ts";

/** Where programs are written: the directory that this worker was started in. */
const home = process.cwd();

/** What starts a source that does not name its interpreter itself, by the end of its file's name. */
const INTERPRETERS: ReadonlyMap<string, string> = new Map([
  ["sh", "#!/bin/sh"],
  ["bash", "#!/usr/bin/env bash"],
  ["awk", "#!/usr/bin/awk -f"],
  ["pl", "#!/usr/bin/env perl"],
  ["rb", "#!/usr/bin/env ruby"],
  ["tcl", "#!/usr/bin/env tclsh"],
]);

/** Shells that look at a script without running any of it, for `-n`. */
const SHELLS = ["sh", "dash", "bash", "ksh"];

/** Longest look of a shell at a script, milliseconds. */
const LOOK_MS = 10_000;

/** Programs that lie there, by name and version. */
const placed = new Map<string, string>();

/** The program of a handler at its version, which is written once. */
export function programOf(start: StartMessage): string {
  const { name, version, main } = start.handler;
  if (main !== undefined) return main;
  const key = `${version} ${name}`;
  const known = placed.get(key);
  if (known !== undefined) return known;
  const directory = join(home, "handlers", version);
  const file = join(directory, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, start.source ?? "");
  chmodSync(file, 0o755);
  placed.set(key, file);
  return file;
}

/** Whether a source can be started; of shells also whether they can read it. Nothing of it is run. */
export function checkExecutable(message: Extract<ToWorker, { kind: "check" }>): FromWorker {
  const { call, file } = message;
  const refuse = (line: number, reason: string): FromWorker => ({
    kind: "refused",
    call,
    line,
    reason,
  });
  const end = /\.([^./]*)$/u.exec(file)?.[1] ?? "";
  const interpreter = INTERPRETERS.get(end);
  const named = message.source.startsWith("#!");
  if (!named && interpreter === undefined) {
    return refuse(1, "the first line names no interpreter, as in #!/bin/sh");
  }
  const source = named ? message.source : `${interpreter}\n${message.source}`;
  const first = source.slice(0, source.indexOf("\n") + 1 || source.length).trim();
  if (first.endsWith("\r")) return refuse(1, "lines end with \\r: no interpreter is found by that");
  const mistake = mistakeOf(source, first);
  if (mistake === undefined) return { kind: "checked", call, form: "plain", source };
  return refuse(Math.max(1, mistake.line - (named ? 0 : 1)), mistake.reason);
}

interface Mistake {
  readonly line: number;
  readonly reason: string;
}

/** What a shell finds wrong with a script, if its interpreter is one. */
function mistakeOf(source: string, first: string): Mistake | undefined {
  const shell = shellOf(first);
  if (shell === undefined) return undefined;
  const file = join(home, `check-${process.pid}.sh`);
  writeFileSync(file, source);
  try {
    execFileSync(shell, ["-n", file], { cwd: home, stdio: "pipe", timeout: LOOK_MS });
    return undefined;
  } catch (thrown) {
    const told = thrown instanceof Error ? thrown.message : String(thrown);
    // A machine without this shell can still take its scripts: others may have it.
    if (/ENOENT/u.test(told)) return undefined;
    const [, line = "1", reason = "the shell cannot read it"] =
      /check-\d+\.sh: (?:line )?(\d+): ([^\n]*)/u.exec(told) ?? [];
    return { line: Number(line), reason };
  } finally {
    rmSync(file, { force: true });
  }
}

function shellOf(first: string): string | undefined {
  const words = first.replace(/^#!\s*/u, "").split(/\s+/u);
  const [program = "", argument] = words;
  const name = basename(program) === "env" ? (argument ?? "") : program;
  return SHELLS.includes(basename(name)) ? name : undefined;
}
