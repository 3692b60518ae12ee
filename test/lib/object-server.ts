/**
 * A web server on loopback that has objects, and that does on purpose what servers do by accident: answers late,
 * breaks off, fails for a while. It counts what it was asked and what it has sent.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** How an object is served. */
export interface Served {
  readonly bytes: Uint8Array;
  /** Answers of this many calls are 503 first. */
  failing?: number;
  /** Answers of this many calls break off half-way first. */
  cut?: number;
  /** The answer comes so late. */
  readonly delayMs?: number;
  /** How often it was asked for. */
  asked?: number;
}

/** To be closed by whoever started it. */
export class ObjectServer {
  readonly #objects: Map<string, Served>;
  readonly #server: Server;
  /** Of content alone. */
  sentBytes = 0;
  asked = 0;
  /** Answers under way, now and at most. */
  busy = 0;
  busyMost = 0;

  /** Use `start`. */
  constructor(objects: ReadonlyMap<string, Served>) {
    this.#objects = new Map(objects);
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** Paths begin with a slash. */
  static async start(objects: ReadonlyMap<string, Served>): Promise<ObjectServer> {
    const server = new ObjectServer(objects);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  /** Of an object. */
  url(path: string): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("it does not listen");
    return `http://127.0.0.1:${address.port}${path}`;
  }

  get paths(): readonly string[] {
    return [...this.#objects.keys()];
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked += 1;
    this.busy += 1;
    this.busyMost = Math.max(this.busyMost, this.busy);
    response.on("close", () => {
      this.busy -= 1;
    });
    const object = this.#objects.get(request.url ?? "");
    if (object === undefined) {
      response.writeHead(404).end();
      return;
    }
    object.asked = (object.asked ?? 0) + 1;
    if (object.delayMs !== undefined) await sleep(object.delayMs);
    if ((object.failing ?? 0) > 0) {
      object.failing = (object.failing ?? 0) - 1;
      response.writeHead(503).end();
      return;
    }
    const tag = `"${createHash("sha256").update(object.bytes).digest("hex").slice(0, 16)}"`;
    if (request.headers["if-none-match"] === tag) {
      response.writeHead(304, { etag: tag }).end();
      return;
    }
    response.writeHead(200, { etag: tag, "content-length": object.bytes.length });
    if ((object.cut ?? 0) > 0) {
      object.cut = (object.cut ?? 0) - 1;
      response.write(object.bytes.subarray(0, object.bytes.length / 2), () => response.destroy());
      return;
    }
    this.sentBytes += object.bytes.length;
    response.end(object.bytes);
  }
}
