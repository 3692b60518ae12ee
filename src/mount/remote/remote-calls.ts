/** Calls to the nodes of a cluster about one workflow's volume: to whichever of them answers. */
import { setTimeout as sleep } from "node:timers/promises";
import { queryOf, workflowPath } from "../../api/client-paths.ts";
import type { BlockView, VolumeChanges } from "../../api/inode-port.ts";
import { MOUNT_HEADER } from "../../api/mount-name.ts";
import type { NearPlace, StagedContent } from "../../api/near.ts";
import { keep, type Outcome, RemoteError, readJson, type Transport } from "../../api/transport.ts";
import { volumeError } from "../errors.ts";
import { Moving } from "./moving.ts";
import { volumeErrorOf } from "./remote-errors.ts";
import type { ChangesQuery } from "./remote-watch.ts";

/** A node looks for a block at others before it answers. */
const BLOCK_WORK_MS = 15_000;

/** What one upload may take: a minute less than the kernel waits for a commit. */
const UPLOAD_MS_MAX = 14 * 60_000;

/**
 * An upload of which nothing moves for so long is given up: a process that was killed while it had a file open that it
 * wrote to waits for it, and hears no signal any more.
 */
const STALL_MS = 60_000;

/** What a node reads and stores of a file on its own disk, at the least. */
const STAGED_BYTES_PER_MS = 5_000;

/** How often content is sent, and how long before it is sent again, times the tries so far. */
const UPLOAD_TRIES_MAX = 5;
const UPLOAD_PAUSE_MS = 300;

/** Each command and read that an upload takes at the node. */
const STEP_MS = 15_000;

/** How a node finds content whose pieces it has. */
export interface EarlyName {
  readonly upload: string;
  readonly bytes: number;
}

/** A node that has answered so lately is sent small content without being asked first. */
const FRESH_MS = 1_000;

type Failed = Extract<Outcome<unknown>, { readonly kind: "failed" }>;

export class RemoteCalls {
  readonly #transport: Transport;
  readonly #workflow: string;
  /** By which the cluster knows that this mount has made a change itself. */
  readonly #mount: string;
  readonly #nowMs: () => number;
  /** When a node has answered last. */
  #answeredMs = Number.NEGATIVE_INFINITY;

  constructor(
    transport: Transport,
    of: {
      readonly workflow: string;
      readonly mount: string;
      readonly nowMs?: (() => number) | undefined;
    },
  ) {
    this.#nowMs = of.nowMs ?? (() => performance.now());
    this.#transport = transport;
    this.#workflow = of.workflow;
    this.#mount = of.mount;
  }

  /** What others have changed; resolves when there is something, or after `wait` milliseconds. */
  async changes(query: ChangesQuery): Promise<VolumeChanges> {
    const { wait, ends, after } = query;
    const path = this.#path("changes", { after, wait, ends, mount: this.#mount });
    return this.#told(
      this.#transport.call({ method: "GET", path, repeat: "always", waitMs: wait }),
    );
  }

  /** @throws {VolumeError} as all methods. */
  async get<Answer>(route: string, query: object): Promise<Answer> {
    const path = this.#path(route, query);
    return this.#told(this.#transport.call<Answer>({ method: "GET", path, repeat: "always" }));
  }

  /** Is not repeated where it may have been done: the second time it would be refused. */
  async post<Answer>(route: string, body: object): Promise<Answer> {
    const path = this.#path(route, {});
    return this.#told(
      this.#transport.call<Answer>({
        ...{ method: "POST", path, body, repeat: "when-not-accepted" },
        headers: { [MOUNT_HEADER]: this.#mount },
      }),
    );
  }

  /** The bytes of a block. */
  async block({ cid, bytes, plain }: BlockView): Promise<Uint8Array> {
    // The node opens it: keys do not leave the nodes.
    const sealed = plain === null ? {} : { plain };
    const path = this.#path("block", { cid, bytes, ...sealed });
    const call = { method: "GET", path, repeat: "always", workMs: BLOCK_WORK_MS } as const;
    // A node that dies while it sends is asked no more, and another is.
    for (let isAgain = false; ; isAgain = true) {
      const response = await this.#told(this.#transport.call(call, { stream: true, read: keep }));
      const data = await response.arrayBuffer().catch(() => undefined);
      if (data?.byteLength === bytes) return new Uint8Array(data);
      if (isAgain) throw volumeError("VOLUME_UNAVAILABLE", "a block broke off while it was read");
    }
  }

  /** Of the node that answered last. */
  get url(): string {
    return this.#transport.url;
  }

  /** Where the node that answers and mounts on its machine meet. */
  async near(): Promise<NearPlace | null> {
    return (await this.get<{ readonly near: NearPlace | null }>("near", {})).near;
  }

  /** Of this mount, where the node keeps something that only it knows. */
  async begin<Answer>(route: string): Promise<Answer> {
    const path = this.#path(route, {});
    return this.#told(this.#transport.call<Answer>({ method: "POST", path, repeat: "always" }));
  }

  /**
   * Sends content, and sends it again where a node is lost on the way: `query` says what each try asks for,
   * `content` makes its bytes anew. What the node has already is named first, and then a file that it can read itself.
   */
  async put<Answer>(
    route: string,
    how: {
      readonly query: (isAgain: boolean) => Promise<object>;
      /** Under which its pieces have come before. */
      readonly early: EarlyName | undefined;
      readonly staged: () => Promise<StagedContent | undefined>;
      /** All of it, where it is short. */
      readonly data?: Uint8Array<ArrayBuffer> | undefined;
      readonly content: () => ReadableStream<Uint8Array>;
    },
  ): Promise<Answer> {
    let { early } = how;
    let mayBeNear = true;
    for (let tries = 1; ; tries += 1) {
      const query = await how.query(tries > 1);
      const { data } = how;
      if (data !== undefined) {
        if (this.#nowMs() - this.#answeredMs > FRESH_MS || tries > 1) await this.#find();
        const outcome = await this.#whole<Answer>(route, { ...query, bytes: data.length }, data);
        if (outcome?.kind === "answer") return outcome.answer;
        // One that stands still is not the only one perhaps.
        if (outcome !== undefined || tries > 1) await afterTry(outcome, tries);
        continue;
      }
      const named = early ?? (mayBeNear ? await how.staged() : undefined);
      const outcome =
        named === undefined
          ? await this.#send<Answer>(route, query, how.content)
          : await this.name<Answer>(route, query, named);
      if (outcome?.kind === "answer") return outcome.answer;
      // That node could not use it, or is gone; whoever is asked next is on another machine perhaps.
      if (early === undefined) mayBeNear = false;
      early = undefined;
      if (named !== undefined && (outcome === undefined || !isRefusal(outcome.error))) continue;
      await afterTry(outcome, tries);
    }
  }

  /** A node that answers is found before anything is sent. */
  async #find(): Promise<void> {
    await this.get("inode", { inode: 1 });
  }

  /** Undefined where nothing moves any more. */
  async #send<Answer>(
    route: string,
    query: object,
    content: () => ReadableStream<Uint8Array>,
  ): Promise<Outcome<Answer> | undefined> {
    await this.#find();
    return this.send(route, query, content());
  }

  /** Sends content once. Undefined where nothing moves any more. */
  async send<Answer>(
    route: string,
    query: object,
    content: ReadableStream<Uint8Array>,
  ): Promise<Outcome<Answer> | undefined> {
    const moving = new Moving(content, STALL_MS);
    return moving.whileMoving(this.#upload<Answer>(this.#path(route, query), moving.content));
  }

  /** Says once where the node finds content. Undefined where it takes longer than any disk does. */
  async name<Answer>(
    route: string,
    query: object,
    named: StagedContent | EarlyName | { readonly bytes: number },
  ): Promise<Outcome<Answer> | undefined> {
    return this.#whole(route, { ...query, ...named });
  }

  /** One call, with content that is in memory or that the node has; undefined as of `name`. */
  async #whole<Answer>(
    route: string,
    query: object & { readonly bytes: number },
    data?: Uint8Array<ArrayBuffer>,
  ): Promise<Outcome<Answer> | undefined> {
    const { bytes } = query;
    const path = this.#path(route, query);
    let timer: NodeJS.Timeout | undefined;
    const stalled = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), STALL_MS + bytes / STAGED_BYTES_PER_MS);
    });
    try {
      const outcome = await Promise.race([this.#upload<Answer>(path, data), stalled]);
      if (outcome?.kind === "answer") this.#answeredMs = this.#nowMs();
      return outcome;
    } finally {
      clearTimeout(timer);
    }
  }

  #upload<Answer>(
    path: string,
    content: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | undefined,
  ): Promise<Outcome<Answer>> {
    return this.#transport.attempt(
      {
        ...{ method: "PUT", path, repeat: "when-not-accepted" },
        ...(content === undefined ? {} : { content }),
        headers: { "jobx-deadline-ms": String(STEP_MS), [MOUNT_HEADER]: this.#mount },
      },
      UPLOAD_MS_MAX,
      readJson<Answer>(),
    );
  }

  async #told<Answer>(call: Promise<Answer>): Promise<Answer> {
    try {
      const answer = await call;
      this.#answeredMs = this.#nowMs();
      return answer;
    } catch (error) {
      throw volumeErrorOf(error);
    }
  }

  #path(route: string, query: object): string {
    const text = queryOf(query);
    return `${workflowPath(this.#workflow)}/fs/${route}${text === "" ? "" : `?${text}`}`;
  }
}

/** Waits before content is sent again. @throws {VolumeError} where it is not to be. */
async function afterTry(outcome: Failed | undefined, tries: number): Promise<void> {
  if (outcome === undefined) {
    throw volumeError("VOLUME_UNAVAILABLE", "the node that takes the content stands still");
  }
  if (tries >= UPLOAD_TRIES_MAX || !mayBeBetter(outcome.error)) throw volumeErrorOf(outcome.error);
  await sleep(UPLOAD_PAUSE_MS * tries);
}

/** What was named is not there. */
const ASKS_FOR_ALL: ReadonlySet<string> = new Set(["API_INPUT_INVALID", "FS_PIN_LAPSED"]);

/** A node has said that it will not have the content, however it comes. */
function isRefusal(error: Error): boolean {
  return error instanceof RemoteError && !mayBeBetter(error) && !ASKS_FOR_ALL.has(error.code);
}

/** No node has said anything, or one that it cannot now. */
export function mayBeBetter(error: Error): boolean {
  if (!(error instanceof RemoteError)) return true;
  const { status } = error.details;
  return status === 429 || (status >= 502 && status <= 504);
}
