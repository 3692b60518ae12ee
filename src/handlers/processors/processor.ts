/** What the node has to know of a language to run its handlers. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ContainerSettings } from "../../containers/settings.ts";

/** A program and its arguments. */
export interface WorkerCommand {
  readonly file: string;
  readonly args: readonly string[];
}

/** What a worker is started for. */
export interface WorkerStart {
  /** What its attempts may use, bytes, for a runtime that must be told when to collect garbage. */
  readonly memoryBytes: number | undefined;
  /** The handler's own program, where that is the worker: it speaks frames itself. */
  readonly program: string | undefined;
  /** What the node says about containers; without it it runs none. */
  readonly containers?: ContainerSettings | undefined;
}

/**
 * A language: how its workers are started. A worker says whether a source is a handler, loads it and
 * runs it, all in frames (`docs/handler-protocol.md`). Which files are of a language and where their
 * metadata is says `workflow/languages.ts`.
 */
export interface Processor {
  /** The command for a worker. */
  command(start: WorkerStart): WorkerCommand;
  /** True: a worker serves handlers with the limit of memory that it was started with only. */
  readonly isToldMemory: boolean;
  /** True: what ends it for want of memory is told in the words of V8. */
  readonly isEngine: boolean;
}

/**
 * The first of these files that is there, by its path. `from` is the module that asks: its own folder has
 * them in the sources, the folder `workers` beside it when all is built into one file.
 */
export function workerFile(names: readonly string[], from: string): string {
  const places = names.flatMap((name) => [name, `workers/${name}`]);
  const paths = places.map((place) => fileURLToPath(new URL(place, from)));
  return paths.find((path) => existsSync(path)) ?? paths[0] ?? "";
}
