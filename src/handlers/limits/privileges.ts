/**
 * Starts workers without rights that they do not need: nothing that they run can get new ones (no_new_privs),
 * and where the node may do that, they have no capabilities. Besides, the kernel kills a worker when the
 * thread that started it ends, however it ends. A worker watches for that itself as well, but its watching
 * thread does not run while native code holds the interpreter's lock, such as a regular expression that
 * never comes to an end.
 *
 * D1: a node that dies before the signal is set would not be noticed by the kernel. Nothing of a
 * handler runs then: it comes only after the node has answered the worker's hello.
 */
import { spawn } from "node:child_process";
import type { Privileges } from "./report.ts";

/** Of util-linux. It becomes the program that it starts, so that pid and parent stay. */
const SETPRIV = "/usr/bin/setpriv";

const DEATH = ["--pdeathsig", "KILL"];
const NO_NEW = [...DEATH, "--no-new-privs"];
const DROPPED = [...NO_NEW, "--ambient-caps=-all", "--inh-caps=-all", "--bounding-set=-all"];

/** What stands before a command for each; the death signal where setpriv is. */
const WORDS = {
  dropped: [SETPRIV, ...DROPPED, "--"],
  "no-new": [SETPRIV, ...NO_NEW, "--"],
} as const;

let dies: Promise<boolean> | undefined;

/** The most that works on this machine, found by trying it. Never rejects. */
export async function probePrivileges(): Promise<Privileges> {
  if (await holds(WORDS.dropped, [/^NoNewPrivs:\s*1$/m, /^CapBnd:\s*0+$/m, /^CapEff:\s*0+$/m])) {
    return "dropped";
  }
  return (await holds(WORDS["no-new"], [/^NoNewPrivs:\s*1$/m])) ? "no-new" : "all";
}

/** What stands before a worker's command. A sandbox drops rights by itself, and needs some to be made. */
export async function privilegeWords(
  privileges: Privileges,
  isSandboxed: boolean,
): Promise<readonly string[]> {
  if (privileges !== "all" && !isSandboxed) return WORDS[privileges];
  const words = [SETPRIV, ...DEATH, "--"];
  dies ??= holds(words, []);
  return (await dies) ? words : [];
}

/** Other programs of that name do not know the options, and old ones not the signal. */
function holds(words: readonly string[], wanted: readonly RegExp[]): Promise<boolean> {
  const [program = "", ...rest] = words;
  const child = spawn(program, [...rest, "/bin/cat", "/proc/self/status"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  return new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("close", (code) => resolve(code === 0 && wanted.every((one) => one.test(text))));
  });
}
