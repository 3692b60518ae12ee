/**
 * *Run N times*: the first call of a step finds out which image its name means and maps to N units of the same
 * step, each of which runs one container of just that image. So what all attempts of a request run is pinned by
 * what its first unit has committed.
 */
import { chmodSync } from "node:fs";
import type { ContainerMount, ContainerSpec } from "../../../containers/container-spec.ts";
import type { Engine } from "../../../containers/engine.ts";
import { ContainersError } from "../../../containers/errors.ts";
import {
  ensureImage,
  type ImageKeeperOptions,
  pinImage,
} from "../../../containers/image-keeper.ts";
import { runContainer } from "../../../containers/run-container.ts";
import { type ContainerSettings, findEngine, loginOf } from "../../../containers/settings.ts";
import { LABELS, ownWorkerLabel } from "../../../containers/worker-label.ts";
import { CONTAINER_COUNT_MAX, type ContainerDefinition } from "../../../wire/handler-metadata.ts";
import { MARK_VARIABLE } from "../../process-table.ts";
import type { HandlerContext } from "../javascript/javascript-context.ts";
import { Fault } from "../javascript/javascript-fault.ts";
import type { HandlerFunction } from "../javascript/javascript-load.ts";
import { allowedMounts } from "./allowed-paths.ts";
import { archivesIn } from "./image-archives.ts";
import { type ContainerUnit, isIterable, readCall, unitPair } from "./unit.ts";

/** Where a container finds them. */
const WORKSPACE_TARGET = "/jobx/workspace";
const VOLUME_TARGET = "/jobx/volume";

/** The directory of this machine at which the workflow's volume is mounted, if it is. */
const VOLUME_VARIABLE = "JOBX_VOLUME";

/** Bytes of a container's /tmp. */
const TMP_BYTES = 64 * 2 ** 20;

/** Longest move of an image: large ones on slow networks. An attempt has a deadline of its own. */
const IMAGE_MS = 3_600_000;

/** Between two lines about an image that is on its way. */
const PROGRESS_MS = 1_000;

/** An engine that is being restarted is back by then, or its node offers no containers any more. */
const ENGINE_WAIT_MS = 8_000;
const ENGINE_AGAIN_MS = 500;

/** Calls of this process: its containers have different names. */
let calls = 0;

/** The mapper of a step that runs an image. */
export function runTimes(
  definition: ContainerDefinition,
  settings: ContainerSettings | undefined,
): HandlerFunction {
  return async function* run(argument: unknown, context: unknown): AsyncGenerator<unknown> {
    if (settings === undefined || !isContext(context) || !isIterable(argument)) {
      throw new Fault("HANDLER_LOAD_FAILED", "this node runs no containers");
    }
    const isUnit = context.fromOwnStep === true;
    const call = await readCall(argument, { isUnit, countMax: CONTAINER_COUNT_MAX });
    try {
      const engine = await whenThere(settings, context);
      const images = imagesFor(engine, { settings, context });
      if (call.kind === "unit") {
        await ensureImage(call.unit.image, images);
        const end = await runUnit(engine, { definition, settings, context, unit: call.unit });
        yield context.toReturn();
        yield [call.unit.index, end];
        return;
      }
      const image = await pinImage(definition.image, images);
      const count = call.count ?? definition.count;
      yield context.mapTo(context.step);
      for (let index = 0; index < count; index++) {
        yield unitPair({ index, count, image, arguments: call.arguments });
      }
    } catch (error) {
      if (error instanceof ContainersError) throw faultOf(error.code, error.message);
      throw error;
    }
  };
}

/** Without a traceback: that would be ours, and say nothing of the container. */
function faultOf(code: Fault["code"], message: string): Fault {
  const fault = new Fault(code, message);
  fault.stack = "";
  return fault;
}

/** What the step is about, where it runs, and which unit it is. */
interface UnitRun {
  readonly definition: ContainerDefinition;
  readonly settings: ContainerSettings;
  readonly context: HandlerContext;
  readonly unit: ContainerUnit;
}

async function runUnit(engine: Engine, run: UnitRun): Promise<unknown> {
  const { context } = run;
  const spec = await specOf(run);
  const end = await runContainer(engine, {
    spec,
    signal: context.signal,
    onOutput: ({ stream, bytes }) => {
      // Written before this returns: a slow reader holds the container back.
      process[stream].write(bytes);
    },
  });
  if (end.isOutOfMemory) {
    const message = `the container was killed at its limit of ${spec.memoryBytes ?? "some"} bytes of memory`;
    throw faultOf("HANDLER_MEMORY_EXCEEDED", message);
  }
  if (end.exitCode !== 0) {
    throw faultOf("CONTAINER_FAILED", `the container ended with code ${end.exitCode}`);
  }
  const { startedAt } = end;
  const ranMs = Date.parse(end.finishedAt) - Date.parse(startedAt);
  // An engine may take its times from different clocks: nothing ends before it began.
  const durationMs = ranMs > 0 ? ranMs : 0;
  const finishedAt = ranMs > 0 ? end.finishedAt : startedAt;
  return { exitCode: 0, startedAt, finishedAt, durationMs };
}

async function specOf(run: UnitRun): Promise<ContainerSpec> {
  const { definition, settings, context, unit } = run;
  const { cpuMillis } = definition;
  calls += 1;
  return {
    image: unit.image,
    command: definition.command,
    environment: {
      ...definition.environment,
      JOBX_INDEX: `${unit.index}`,
      JOBX_COUNT: `${unit.count}`,
      JOBX_ARGUMENTS: unit.arguments,
      JOBX_REQUEST: context.request,
      JOBX_INVOCATION: context.invocation,
      JOBX_STEP: context.step,
    },
    labels: {
      [LABELS.cluster]: settings.cluster,
      [LABELS.node]: settings.node,
      [LABELS.request]: context.request,
      [LABELS.invocation]: context.invocation,
      [LABELS.attempt]: `${process.env[MARK_VARIABLE] ?? process.pid}-${calls}`,
      [LABELS.worker]: ownWorkerLabel(),
    },
    mounts: [...(await placesOf(run)), ...allowedMounts(definition.paths, settings.paths)],
    memoryBytes: definition.memoryBytes ?? settings.memoryBytes,
    cpus: cpuMillis === undefined ? undefined : cpuMillis / 1000,
    pids: definition.pids,
    network: definition.network,
    tmpBytes: TMP_BYTES,
  };
}

/** The workspace, as a directory of its own whose changes go back, and the volume where it is mounted. */
async function placesOf({ definition, context }: UnitRun): Promise<readonly ContainerMount[]> {
  const mounts: ContainerMount[] = [];
  if (definition.workspace && context.fs.isOffered) {
    const source = await context.workspaceDirectory();
    // Images have users of their own; who else could look in is kept out by the folders above.
    chmodSync(source, 0o777);
    mounts.push({ source, target: WORKSPACE_TARGET, readOnly: false });
  }
  const volume = process.env[VOLUME_VARIABLE];
  if (volume !== undefined) {
    mounts.push({ source: volume, target: VOLUME_TARGET, readOnly: false });
  }
  return mounts;
}

function imagesFor(
  engine: Engine,
  about: { readonly settings: ContainerSettings; readonly context: HandlerContext },
): ImageKeeperOptions {
  const { settings, context } = about;
  let toldMs = Number.NEGATIVE_INFINITY;
  return {
    engine,
    archives: archivesIn(context.fs),
    login: (registry) => loginOf(settings.logins, registry),
    call: {
      deadlineMs: IMAGE_MS,
      signal: context.signal,
      onProgress: (line) => {
        if (performance.now() - toldMs < PROGRESS_MS) return;
        toldMs = performance.now();
        context.log.info(`image: ${line}`);
      },
    },
  };
}

/** The engine, which may just be restarted. */
async function whenThere(settings: ContainerSettings, context: HandlerContext): Promise<Engine> {
  const untilMs = performance.now() + ENGINE_WAIT_MS;
  for (;;) {
    try {
      return await findEngine(settings.engines);
    } catch (error) {
      if (performance.now() > untilMs || context.signal.aborted) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, ENGINE_AGAIN_MS));
  }
}

function isContext(value: unknown): value is HandlerContext {
  return typeof value === "object" && value !== null && "toReturn" in value;
}
