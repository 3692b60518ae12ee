/** What a JavaScript handler is given besides its argument. */
import { checkExact } from "../../../std/ordered-key.ts";
import type { Secrets, StartMessage } from "../../../wire/worker-protocol.ts";
import type { NodeChannel } from "./javascript-channel.ts";
import { Fault, valueFault } from "./javascript-fault.ts";
import type { HandlerLog } from "./javascript-log.ts";
import { type RunOptions, runCommand } from "./javascript-run.ts";
import { HandlerFiles } from "./javascript-volume.ts";
import { StagedWorkspace } from "./javascript-workspace.ts";

/** A mapper's first word. Only `ctx` makes it. */
export class Direction {
  /** Null means "return". */
  readonly step: string | null;

  constructor(step: string | null) {
    this.step = step;
  }
}

/** Private key-value data of one mapper call, which its reducer may read. */
export interface HandlerSession {
  get(key: unknown): unknown;
  /** Mappers only. */
  set(key: unknown, value: unknown): void;
  list(): [unknown, unknown][];
}

/** The last argument of every handler. */
export interface HandlerContext {
  readonly handler: string;
  readonly request: string;
  readonly invocation: string;
  readonly step: string;
  /** The name of the object that a mapper is given, in a request over a list. */
  readonly object?: string | undefined;
  /** A mapper of the same step has made the argument: the node's word, told to containers alone. */
  readonly fromOwnStep?: boolean | undefined;
  readonly log: HandlerLog;
  /** As `log`: what people are to be told. */
  readonly notify: HandlerLog;
  /** What the handler is doing now, for those who watch it: a line of its log. */
  status(text: string): void;
  /** How far it is: two counts. */
  progress(done: number, total: number): void;
  /** Runs a command whose output is printed; its exit code. @throws {Error} for another one than `successCode`. */
  run(command: readonly string[], options?: RunOptions): Promise<number>;
  /** The folder of the request in the volume, removed with the request. It is made by writing into it. */
  readonly workspace: string;
  /**
   * The workspace as a directory of this machine, also in `JOBX_WORKSPACE` for what is started from now on: what is
   * at these paths of it, or all, comes in, and what has changed goes out when the handler is done.
   */
  workspaceDirectory(...paths: readonly string[]): Promise<string>;
  /** The files of the workflow. */
  readonly fs: HandlerFiles;
  readonly session: HandlerSession;
  /** Aborted when the attempt is given up; the process is killed soon after. */
  readonly signal: AbortSignal;
  /** Values of the secrets that the handler's comment names, by their names. */
  readonly secrets: Secrets;
  mapTo(step: string): Direction;
  toReturn(): Direction;
}

/** The context of one call. */
export function makeContext(
  start: StartMessage,
  options: {
    readonly channel: NodeChannel;
    readonly signal: AbortSignal;
    readonly log: HandlerLog;
  },
): { readonly context: HandlerContext; readonly staged: StagedWorkspace } {
  const workspace = `.requests/${start.names.request}`;
  const fs = new HandlerFiles(start.volume, options.signal);
  const staged = new StagedWorkspace(fs, workspace);
  const context: HandlerContext = {
    handler: start.handler.name,
    ...start.names,
    workspace,
    workspaceDirectory: (...paths) => staged.open(paths),
    log: options.log,
    notify: options.log,
    status: (text) => options.log.info(`status: ${text}`),
    progress(done, total) {
      if (!(done >= 0 && total >= 0)) throw new TypeError("progress is two counts");
      options.log.info(`progress: ${done} of ${total}`);
    },
    run: (command, how) => runCommand(command, { ...how, signal: options.signal }),
    fs,
    session: makeSession(start, options.channel),
    signal: options.signal,
    secrets: Object.freeze({ ...start.secrets }),
    mapTo(step) {
      if (typeof step !== "string") throw new TypeError("the name of a step is text");
      return new Direction(step);
    },
    toReturn: () => new Direction(null),
  };
  return { context, staged };
}

function makeSession(start: StartMessage, channel: NodeChannel): HandlerSession {
  const entries = new Map(start.session.map(([key, value]) => [textOf(key), pairOf(key, value)]));
  return {
    get: (key) => entries.get(textOf(key))?.[1],
    set(key, value) {
      if (start.handler.type !== "mapper") {
        throw new Fault("HANDLER_SESSION_READ_ONLY", "only a mapper may write its session");
      }
      try {
        checkExact(key);
        checkExact(value);
      } catch (thrown) {
        throw valueFault(thrown);
      }
      channel.send({ kind: "session-set", key, value });
      entries.set(textOf(key), pairOf(key, value));
    },
    list: () => [...entries.values()],
  };
}

/** Equal keys have equal text, since JSON writes 1 and 1.0, 0 and -0 alike. */
function textOf(key: unknown): string {
  return JSON.stringify(key);
}

function pairOf(key: unknown, value: unknown): [unknown, unknown] {
  return [key, value];
}
