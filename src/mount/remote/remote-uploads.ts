/** Contents that a node takes while they are still written: it has their pieces, and nobody else knows of them. */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { sentBody } from "../../api/sent-body.ts";
import { volumeError } from "../errors.ts";
import type { EarlyContent, EarlyPut } from "../ports.ts";
import type { NearNodes } from "./near-nodes.ts";
import { type EarlyName, mayBeBetter, type RemoteCalls } from "./remote-calls.ts";
import { volumeErrorOf } from "./remote-errors.ts";

/** Of all files that are written on this mount; more wait on the local disk. */
const PUTS_AT_ONCE = 4;

/** How often a node that is busy is asked, and how long between, times the tries so far. */
const PUT_TRIES_MAX = 5;
const PUT_PAUSE_MS = 200;

const ROUTE = "inode/pieces";

type Calls = Pick<RemoteCalls, "url" | "begin" | "post" | "send" | "name">;

/** Those of one mount. */
export class RemoteUploads {
  readonly #calls: Calls;
  readonly #near: Pick<NearNodes, "staged" | "pieces">;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(calls: Calls, near: Pick<NearNodes, "staged" | "pieces">) {
    this.#calls = calls;
    this.#near = near;
  }

  /** Undefined where the node takes only whole contents. @throws {VolumeError} */
  async begin(): Promise<EarlyContent | undefined> {
    const { upload } = await this.#calls.begin<{ readonly upload: string | null }>("inode/upload");
    const { url } = this.#calls;
    if (upload === null) return undefined;
    return new RemoteUpload(upload, {
      ...{ calls: this.#calls, near: this.#near, url },
      turn: (run) => this.#turn(run),
    });
  }

  /** How the node finds it; undefined for what it does not have. */
  nameOf(early: EarlyContent | undefined, bytes: number): EarlyName | undefined {
    return early instanceof RemoteUpload && !early.isOver
      ? { upload: early.upload, bytes }
      : undefined;
  }

  async #turn(run: () => Promise<void>): Promise<void> {
    while (this.#running >= PUTS_AT_ONCE) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    this.#running += 1;
    try {
      await run();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

interface UploadWays {
  readonly calls: Calls;
  readonly near: Pick<NearNodes, "staged" | "pieces">;
  /** Of the node that has it. */
  readonly url: string;
  readonly turn: (run: () => Promise<void>) => Promise<void>;
}

class RemoteUpload implements EarlyContent {
  readonly upload: string;
  readonly #ways: UploadWays;
  #isOver = false;

  constructor(upload: string, ways: UploadWays) {
    this.upload = upload;
    this.#ways = ways;
  }

  get isOver(): boolean {
    return this.#isOver || this.#ways.calls.url !== this.#ways.url;
  }

  async put(pieces: EarlyPut): Promise<void> {
    await this.#ways.turn(() => this.#put(pieces));
  }

  end(): void {
    if (this.isOver) return;
    this.#isOver = true;
    // One that hears nothing of it ends it by itself.
    this.#ways.calls.post("inode/upload/end", { upload: this.upload }).catch(() => undefined);
  }

  async #put(pieces: EarlyPut): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      if (this.isOver) throw volumeError("VOLUME_UNAVAILABLE", "another node answers now");
      const outcome = await this.#give(pieces);
      if (outcome?.kind === "answer") return;
      if (outcome === undefined) throw volumeError("VOLUME_UNAVAILABLE", "nothing moves");
      if (tries >= PUT_TRIES_MAX || !mayBeBetter(outcome.error)) throw volumeErrorOf(outcome.error);
      await sleep(PUT_PAUSE_MS * tries);
    }
  }

  /** Says where the node finds them, or sends them. Undefined where nothing moves any more. */
  async #give({ staged, at, length: bytes }: EarlyPut): Promise<Given> {
    const { calls, near } = this.#ways;
    const query = { upload: this.upload, at };
    if (staged.kind === "pieces") {
      const files = await near.pieces(staged.paths);
      return files === undefined
        ? calls.send(ROUTE, { ...query, bytes }, sentBody(readAll(staged.paths)))
        : calls.name(ROUTE, { ...query, files: files.join(",") }, { bytes });
    }
    const { path } = staged;
    const named = await near.staged({ path, bytes });
    return named === undefined
      ? calls.send(ROUTE, { ...query, bytes }, contentOf(path, { at, bytes }))
      : calls.name(ROUTE, { ...query, from: at }, named);
  }
}

type Given = Awaited<ReturnType<Calls["send"]>>;

/** What is in files of pieces, one after the other. */
export async function* readAll(
  paths: readonly string[],
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const path of paths) yield await readFile(path);
}

function contentOf(
  path: string,
  { at, bytes }: { readonly at: number; readonly bytes: number },
): ReadableStream<Uint8Array> {
  const end = at + bytes - 1;
  return sentBody(createReadStream(path, { start: at, end, highWaterMark: 1 << 20 }));
}
