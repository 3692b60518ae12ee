/** Handlers that say how they want to be run, and what this machine can do about it. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { probeMachine } from "../../src/handlers/limits/probe.ts";
import type { Machine } from "../../src/handlers/limits/report.ts";
import type { HandlerRuntime } from "../../src/wire/handler-metadata.ts";
import { handlerOf, machineClock, type TestHandler } from "./handler-kit.ts";

let probed: Promise<Machine> | undefined;

/** What this machine can do; tried once. */
export function thisMachine(): Promise<Machine> {
  probed ??= probeMachine(machineClock);
  return probed;
}

/** Says nothing about its running. */
export const PLAIN_RUNTIME: HandlerRuntime = {
  ...{ cpuMillis: undefined, diskBytes: undefined, silenceMs: undefined, pids: undefined },
  ...{ isEnforced: false, sandbox: undefined, network: undefined, image: undefined },
  ...{ environment: {}, protocol: undefined, codec: undefined, separator: undefined },
  isPure: false,
  main: undefined,
};

/** A mapper that runs these lines, and then yields its arguments to the step x. */
export function pythonMapper(
  lines: string,
  options: Partial<HandlerRuntime> & {
    readonly memoryBytes?: number;
    readonly before?: string;
  } = {},
): TestHandler {
  const { memoryBytes, before = "", ...runtime } = options;
  const body = lines.replace(/^/gm, "    ");
  const imports = "import os, signal, socket, subprocess, sys, threading, time\n";
  const source = `${imports}${before}\ndef map(args, ctx):\n${body}\n    yield ctx.map_to('x')\n    yield from args\n`;
  return handlerOf("python", "mapper", source, {
    argumentType: "list",
    runtime: { ...PLAIN_RUNTIME, ...runtime },
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  });
}

/** A mapper that runs these lines, and then yields nothing to the step x. */
export function scriptMapper(lines: string, runtime: Partial<HandlerRuntime> = {}): TestHandler {
  const source = `import { readFileSync, writeFileSync } from "node:fs";\nexport function* map(args, ctx) {\n${lines}\nyield ctx.mapTo("x");\n}\n`;
  return handlerOf("javascript", "mapper", source, {
    argumentType: "list",
    runtime: { ...PLAIN_RUNTIME, ...runtime },
  });
}

/** Makes a program of C; false where there is no compiler. */
export function compile(source: string, file: string): boolean {
  writeFileSync(`${file}.c`, source);
  try {
    execFileSync("/usr/bin/cc", ["-O1", "-o", file, `${file}.c`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
