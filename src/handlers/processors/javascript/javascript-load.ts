/** Loading and checking of JavaScript sources, in the worker. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin, stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Module, SourceTextModule, SyntheticModule } from "node:vm";
import type { FromWorker, StartMessage, ToWorker } from "../../../wire/worker-protocol.ts";
import { Fault } from "./javascript-fault.ts";

/** A handler's function, called with its argument and context. */
export type HandlerFunction = (argument: unknown, context: unknown) => unknown;

const FUNCTION_NAMES = new Map([
  ["mapper", "map"],
  ["combiner", "combine"],
  ["reducer", "reduce"],
]);

/** Where modules are written: the directory that this worker was started in. */
const home = process.cwd();

/** By name and version: two files with the same text are two handlers, with modules of their own. */
const loaded = new Map<string, HandlerFunction>();

/** Makes a handler of a source that is no module; undefined where sources are modules. */
let reader: ((source: string, name: string) => HandlerFunction) | undefined;

/** For workers of what is described and not written: all handlers are made by this. */
export function loadBy(read: (source: string, name: string) => HandlerFunction): void {
  reader = read;
}

/** Counts failed loads: the same address would give the same failure for ever. */
let attemptsAfresh = 0;

/**
 * The function of a handler at its version, which is loaded once; its module's state stays.
 * @throws {Fault} `HANDLER_LOAD_FAILED` when its module throws or has no such function.
 */
export async function loadHandler(start: StartMessage): Promise<HandlerFunction> {
  const { name, version, type } = start.handler;
  const key = `${version} ${name}`;
  const known = loaded.get(key);
  if (known !== undefined) return known;
  if (reader !== undefined) {
    const read = reader(start.source ?? "", name);
    loaded.set(key, read);
    return read;
  }
  const file = start.handler.main ?? writtenSource(start);
  const address = pathToFileURL(file).href;
  const found = await importModule(attemptsAfresh === 0 ? address : `${address}?${attemptsAfresh}`);
  const wanted = FUNCTION_NAMES.get(type) ?? type;
  const handler = exportOf(found, wanted);
  if (!isFunction(handler)) {
    throw new Fault("HANDLER_LOAD_FAILED", `the source exports no function ${wanted}`);
  }
  loaded.set(key, handler);
  return handler;
}

/** The file of a handler that is a source alone. */
function writtenSource({ handler, source }: StartMessage): string {
  const directory = join(home, "handlers", handler.version);
  const file = join(directory, `${handler.name}.mjs`);
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, source ?? "");
  return file;
}

/** Of a CommonJS module the default has what no reader of its text could find. */
function exportOf(found: object, wanted: string): unknown {
  if (Object.hasOwn(found, wanted)) return Reflect.get(found, wanted);
  const whole: unknown = Reflect.get(found, "default");
  return typeof whole === "object" && whole !== null ? Reflect.get(whole, wanted) : undefined;
}

async function importModule(address: string): Promise<object> {
  try {
    const found: unknown = await import(address);
    return typeof found === "object" && found !== null ? found : {};
  } catch (thrown) {
    attemptsAfresh++;
    const message = `the handler cannot be loaded: ${String(thrown)}`;
    const fault = new Fault("HANDLER_LOAD_FAILED", message);
    if (thrown instanceof Error && thrown.stack !== undefined) fault.stack = thrown.stack;
    throw fault;
  }
}

function isFunction(value: unknown): value is HandlerFunction {
  return typeof value === "function";
}

/** A mistake in a source, and its line. */
class SourceMistake extends Error {
  readonly line: number;

  constructor(line: number, reason: string) {
    super(reason);
    this.line = line;
  }
}

/** Whether a source compiles and exports what it must. Nothing of it is run. */
export async function checkSource(
  message: Extract<ToWorker, { kind: "check" }>,
): Promise<FromWorker> {
  try {
    const source = /\.m?ts$/.test(message.file) ? withoutTypes(message.source) : message.source;
    const wanted = FUNCTION_NAMES.get(message.type) ?? message.type;
    const isCommon = message.isBundle === true && isCommonJs(message.file, source);
    const names = isCommon ? commonNames(source, wanted) : await exportedNames(source);
    if (!names.includes(wanted)) {
      throw new SourceMistake(1, `a ${message.type} exports a function ${wanted}`);
    }
    return { kind: "checked", call: message.call, form: "plain", source };
  } catch (thrown) {
    const line = thrown instanceof SourceMistake ? thrown.line : 1;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return { kind: "refused", call: message.call, line, reason };
  }
}

function withoutTypes(source: string): string {
  try {
    return stripTypeScriptTypes(source, { mode: "strip" });
  } catch (thrown) {
    const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SourceMistake(Number(/^[^\n]*:(\d+)\n/.exec(stack)?.[1] ?? 1), reason);
  }
}

/** What a module of a bundle is, as its runtime would take it where no package.json says so. */
function isCommonJs(file: string, source: string): boolean {
  if (/\.c[jt]s$/u.test(file)) return true;
  return !/^\s*(?:import|export)\b/mu.test(source) && /\b(?:module\.)?exports\b/u.test(source);
}

/** A CommonJS module's exports are known only when it runs; whether it names the one that is wanted can be seen. */
function commonNames(source: string, wanted: string): readonly string[] {
  const line = lineOfMistake(source, "cjs");
  if (line !== undefined) throw new SourceMistake(line, "SyntaxError: it cannot be read");
  return new RegExp(`\\b${wanted}\\b`, "u").test(source) ? [wanted] : [];
}

/** Most names that are tried for imports which only exist where the handler will run. */
const UNKNOWN_IMPORTS_MAX = 256;

/** Names that a module exports: it is compiled and linked to empty modules, and never evaluated. */
async function exportedNames(source: string): Promise<readonly string[]> {
  const unknown = new Set<string>();
  for (let round = 0; round < UNKNOWN_IMPORTS_MAX; round++) {
    const module = compileModule(source);
    try {
      await module.link((specifier) => stub(specifier, unknown));
      return Object.getOwnPropertyNames(module.namespace);
    } catch (thrown) {
      const text = thrown instanceof Error ? thrown.message : String(thrown);
      const match = /requested module '(.*)' does not provide an export named '(.*)'/.exec(text);
      const name = match?.[2];
      if (name === undefined || isBuiltin(match?.[1] ?? "")) throw new SourceMistake(1, text);
      unknown.add(name);
    }
  }
  throw new SourceMistake(1, "too many imports");
}

function compileModule(source: string): SourceTextModule {
  try {
    return new SourceTextModule(source);
  } catch (thrown) {
    const reason = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    throw new SourceMistake(lineOfMistake(source, "mjs") ?? 1, reason);
  }
}

/** Only Node's own check tells the line of a mistake in a module. */
function lineOfMistake(source: string, end: "mjs" | "cjs"): number | undefined {
  const file = join(home, `check-${process.pid}.${end}`);
  writeFileSync(file, source);
  try {
    // A handler may have removed the current directory.
    const options = { cwd: home, encoding: "utf8", stdio: "pipe" } as const;
    execFileSync(process.execPath, ["--check", file], options);
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : "";
    return Number(/\.[mc]js:(\d+)\n/.exec(text)?.[1] ?? 1);
  } finally {
    rmSync(file, { force: true });
  }
  return undefined;
}

function stub(specifier: string, unknown: ReadonlySet<string>): Module {
  const names = isBuiltin(specifier)
    ? ["default", ...Object.keys(process.getBuiltinModule(specifier) ?? {})]
    : ["default", ...unknown];
  return new SyntheticModule([...new Set(names)], () => undefined);
}
