/** One container from its making to its removal. */
import type { ContainerSpec } from "./container-spec.ts";
import type { Engine } from "./engine.ts";
import { ContainersError, unreachable } from "./errors.ts";
import type { OutputChunk } from "./output-frames.ts";
import { LABELS } from "./worker-label.ts";

/** Longest time that a timer of the machine takes, milliseconds: attempts have deadlines of their own. */
const RUN_MS_MAX = 2 ** 31 - 1;

/** Between two looks whether the engine still answers while a container runs. */
const GUARD_MS = 5_000;

/** Time for what was printed last, when the container has ended. */
const LAST_OUTPUT_MS = 5_000;

/** Between two tries to remove a container, while its engine is gone or hangs. */
const REMOVE_AGAIN_MS = 2_000;

/** Looks for a container whose making took too long, ten minutes together, and the time between two. */
const LATE_LOOKS = 300;
const LATE_LOOK_MS = 2_000;

/** What ends a process with SIGKILL gives it. */
const EXIT_KILLED = 137;

/** How a container ended. */
export interface ContainerEnd {
  readonly exitCode: number;
  readonly isOutOfMemory: boolean;
  /** As the engine writes times. */
  readonly startedAt: string;
  readonly finishedAt: string;
}

/**
 * Runs a container to its end. What it prints is handed on as it comes; who takes it slowly holds the container
 * back. When the signal is given it is killed. It is removed in any case: now, or as soon as its engine can; and
 * when this process has ended, by its labels.
 * @throws {JobxError} those of the engine; the signal's reason.
 */
export async function runContainer(
  engine: Engine,
  options: {
    readonly spec: ContainerSpec;
    readonly signal: AbortSignal;
    /** Must not throw. */
    readonly onOutput: (chunk: OutputChunk) => void;
  },
): Promise<ContainerEnd> {
  const { containers } = engine;
  const { spec, signal, onOutput } = options;
  signal.throwIfAborted();
  // Not broken off: what is made after that nobody would know the id of.
  const id = await created(engine, spec);
  // At once: who gives it up is killed soon after.
  const onAbort = (): void => void containers.kill(id).catch(() => undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  const guard = new EngineGuard(engine);
  try {
    signal.throwIfAborted();
    const printed = readAll(await containers.attach(id, signal), onOutput);
    await containers.start(id, signal);
    const waited = containers.wait(id, { deadlineMs: RUN_MS_MAX, signal });
    const exitCode = await Promise.race([waited, guard.failed()]);
    await Promise.race([printed, after(LAST_OUTPUT_MS)]);
    const state = await containers.inspect(id);
    if (state === undefined) throw unreachable(engine.address, new Error("the container is gone"));
    const isKilled = exitCode === EXIT_KILLED && spec.memoryBytes !== undefined;
    return {
      exitCode,
      // The engine's word may be missing: who is killed at a limit of memory was killed for it.
      isOutOfMemory: state.outOfMemory || isKilled,
      startedAt: state.startedAt,
      finishedAt: state.finishedAt,
    };
  } finally {
    guard.stop();
    signal.removeEventListener("abort", onAbort);
    await removeSurely(engine, id);
  }
}

/** A container that does not run yet. One whose making is given up may still come: it is looked for. */
async function created(engine: Engine, spec: ContainerSpec): Promise<string> {
  try {
    return await engine.containers.create(spec);
  } catch (error) {
    // What was refused was not made.
    const isRefused = error instanceof ContainersError && error.code === "CONTAINER_ENGINE_REFUSED";
    if (!isRefused) lookForLate(engine, spec.labels, LATE_LOOKS);
    throw error;
  }
}

/** The watch sees to what comes later than this, when this process has ended. */
function lookForLate(engine: Engine, wanted: ContainerSpec["labels"], looks: number): void {
  const label = `${LABELS.attempt}=${wanted[LABELS.attempt] ?? ""}`;
  const look = async (): Promise<void> => {
    const listed = await engine.containers.list(label).catch(() => []);
    // Another machine that uses the engine may name its attempts alike; the worker's label is its own.
    const found = listed.filter(({ labels }) =>
      Object.entries(wanted).every(([name, value]) => labels[name] === value),
    );
    for (const { id } of found) await removeSurely(engine, id);
    if (found.length === 0 && looks > 1) lookForLate(engine, wanted, looks - 1);
  };
  setTimeout(() => void look(), LATE_LOOK_MS).unref();
}

/** As long as this process lives the watch leaves its containers alone, so it goes on until one is gone. */
async function removeSurely(engine: Engine, id: string): Promise<void> {
  try {
    await engine.containers.remove(id);
  } catch {
    setTimeout(() => void removeSurely(engine, id), REMOVE_AGAIN_MS).unref();
  }
}

/** Finds an engine that hangs while nothing is wanted from it but the end of a container. */
class EngineGuard {
  readonly #engine: Engine;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Rejects when the engine does not answer twice. */
  failed(): Promise<never> {
    return new Promise((_resolve, reject) => {
      let failures = 0;
      const look = (): void => {
        this.#engine
          .ping()
          .then(
            () => {
              failures = 0;
            },
            (error: unknown) => {
              failures += 1;
              if (failures > 1) reject(error instanceof Error ? error : new Error(String(error)));
            },
          )
          .finally(() => {
            if (!this.#stopped && failures < 2) this.#timer = setTimeout(look, GUARD_MS);
          });
      };
      this.#timer = setTimeout(look, GUARD_MS);
    });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}

/** A connection that breaks takes nothing but the last prints with it: the container's end is told elsewhere. */
async function readAll(
  output: AsyncIterable<OutputChunk>,
  onOutput: (chunk: OutputChunk) => void,
): Promise<void> {
  try {
    for await (const chunk of output) onOutput(chunk);
  } catch (error) {
    if (error instanceof ContainersError) throw error;
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
