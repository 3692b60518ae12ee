/**
 * Calls of a container engine's HTTP interface, over node:http. Every call has a deadline, since an engine
 * that hangs must not hang its caller, and every answer that is held in memory has a bound.
 */
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Duplex, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { EngineAddress } from "./engine-address.ts";
import { engineAddressText } from "./engine-address.ts";
import { answerInvalid, ContainersError, unreachable } from "./errors.ts";

/** Version of the interface that is spoken: that of Debian's dockerd, and known to podman's service. */
const API_VERSION = "v1.41";

/** Bytes of an answer that is held in memory: lists of containers and of images fit many times. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/** Characters of what an engine gives as its reason that are told. */
const REASON_LENGTH_MAX = 2_000;

/** A call. */
export interface EngineCall {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Plain data sent as JSON, or bytes sent as they come. */
  readonly body?:
    | { readonly kind: "json"; readonly value: unknown }
    | { readonly kind: "stream"; readonly type: string; readonly stream: Readable }
    | undefined;
  /** The whole call, with its answer, is over by then; milliseconds. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** An answer with its body. */
export interface EngineAnswer {
  readonly status: number;
  readonly text: string;
}

/** A connection that carries bytes both ways from here on. */
export interface Hijacked {
  readonly socket: Duplex;
  /** What came with the answer, before anything that the socket gives. */
  readonly head: Uint8Array;
}

export class EngineHttp {
  readonly #address: EngineAddress;

  constructor(address: EngineAddress) {
    this.#address = address;
  }

  /** For messages. */
  get addressText(): string {
    return engineAddressText(this.#address);
  }

  /**
   * An answer of any status, whole.
   * @throws {JobxError} `CONTAINER_ENGINE_UNREACHABLE`, `CONTAINER_ENGINE_SILENT`,
   * `CONTAINER_ENGINE_ANSWER_INVALID`; the reason of the signal.
   */
  async ask(call: EngineCall): Promise<EngineAnswer> {
    const answer = await this.open(call);
    return { status: answer.status, text: await textOf(this.#guarded(answer.body, call)) };
  }

  /** As `ask`, with the body still to come: it fails as the call does when the deadline passes. */
  async open(
    call: EngineCall,
  ): Promise<{ readonly status: number; readonly body: AsyncIterable<Uint8Array> }> {
    const limit = new CallLimit(call);
    const sent = this.#send(call, limit);
    const response = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once("response", resolve);
      sent.once("error", reject);
      sent.once("upgrade", () => reject(answerInvalid("an upgrade that nobody asked for")));
    });
    try {
      const body = await Promise.race([response, writeBody(sent, call).then(() => response)]);
      return {
        status: body.statusCode ?? 0,
        body: this.#guarded(limited(body, limit), call, limit),
      };
    } catch (error) {
      sent.destroy();
      limit.over();
      throw this.#failure(error, call, limit);
    }
  }

  /**
   * Makes the connection of a call one that carries bytes both ways. The deadline is for the answer alone;
   * the signal ends the connection, too.
   * @throws {JobxError} as `ask`, `CONTAINER_ENGINE_REFUSED`.
   */
  async hijack(call: EngineCall): Promise<Hijacked> {
    const limit = new CallLimit(call);
    const headers = { Connection: "Upgrade", Upgrade: "tcp", "Content-Length": "0" };
    const sent = this.#send({ ...call, headers: { ...call.headers, ...headers } }, limit);
    try {
      const taken = await new Promise<Hijacked>((resolve, reject) => {
        sent.once("upgrade", (_response, socket, head) => resolve({ socket, head }));
        sent.once("error", reject);
        sent.once("response", (response) => {
          const status = response.statusCode ?? 0;
          textOf(response).then((text) => reject(refused({ status, text })), reject);
        });
        sent.end();
      });
      limit.over();
      // Errors of the connection come to whoever reads it.
      taken.socket.on("error", () => undefined);
      const onAbort = (): void => void taken.socket.destroy();
      call.signal?.addEventListener("abort", onAbort, { once: true });
      taken.socket.once("close", () => call.signal?.removeEventListener("abort", onAbort));
      return taken;
    } catch (error) {
      sent.destroy();
      limit.over();
      throw this.#failure(error, call, limit);
    }
  }

  #send(call: EngineCall, limit: CallLimit): ClientRequest {
    const query = new URLSearchParams(call.query).toString();
    const to = this.#address;
    const sent = request({
      ...(to.kind === "socket" ? { socketPath: to.path } : { host: to.host, port: to.port }),
      method: call.method,
      path: `/${API_VERSION}${call.path}${query === "" ? "" : `?${query}`}`,
      headers: { Host: "engine", ...typeOf(call.body), ...call.headers },
      // A connection for each call: one that is kept may be closed by the engine just when it is used.
      agent: false,
      signal: limit.signal,
    });
    // Errors after the answer come with its body.
    sent.on("error", () => undefined);
    return sent;
  }

  async *#guarded(
    body: AsyncIterable<Uint8Array>,
    call: EngineCall,
    limit?: CallLimit,
  ): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      throw this.#failure(error, call, limit);
    }
  }

  #failure(error: unknown, call: EngineCall, limit: CallLimit | undefined): unknown {
    if (error instanceof ContainersError) return error;
    if (call.signal?.aborted === true) return call.signal.reason;
    if (limit?.isSilent === true) {
      return new ContainersError(
        { code: "CONTAINER_ENGINE_SILENT", address: this.addressText, ms: call.deadlineMs },
        `the container engine at ${this.addressText} did not answer within ${call.deadlineMs} ms`,
        { cause: error },
      );
    }
    return unreachable(this.addressText, error);
  }
}

/** The deadline of one call. */
class CallLimit {
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal | undefined;
  readonly #onOuter = (): void => this.#abort.abort();
  #isSilent = false;

  constructor({ deadlineMs, signal }: EngineCall) {
    this.#timer = setTimeout(() => {
      this.#isSilent = true;
      this.#abort.abort();
    }, deadlineMs);
    this.#outer = signal;
    if (signal?.aborted === true) this.#abort.abort();
    else signal?.addEventListener("abort", this.#onOuter);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The deadline has passed. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  over(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#onOuter);
  }
}

async function* limited(body: IncomingMessage, limit: CallLimit): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) {
      if (!(chunk instanceof Uint8Array)) throw answerInvalid("a body without bytes");
      yield chunk;
    }
  } finally {
    body.destroy();
    limit.over();
  }
}

/** An engine that refuses early may not take the rest: its answer counts, not the broken pipe. */
async function writeBody(sent: ClientRequest, { body }: EngineCall): Promise<void> {
  if (body?.kind === "stream") {
    await pipeline(body.stream, sent);
    return;
  }
  if (body === undefined) sent.end();
  else sent.end(JSON.stringify(body.value));
}

function typeOf(body: EngineCall["body"]): Record<string, string> {
  if (body === undefined) return {};
  return { "Content-Type": body.kind === "json" ? "application/json" : body.type };
}

/** @throws {JobxError} `CONTAINER_ENGINE_ANSWER_INVALID` when it is too large. */
async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw answerInvalid(`more than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The engine's own words about why not. */
export function reasonOf(text: string): string {
  let reason = text;
  try {
    const value: unknown = JSON.parse(text);
    const fields = typeof value === "object" && value !== null ? { ...value } : {};
    const said: unknown = Reflect.get(fields, "message") ?? Reflect.get(fields, "cause");
    if (typeof said === "string") reason = said;
  } catch {
    // Not JSON: as it is.
  }
  return reason.trim().slice(0, REASON_LENGTH_MAX);
}

/** The error of an answer with a status that the call is not for. */
export function refused({ status, text }: EngineAnswer): ContainersError {
  const reason = reasonOf(text);
  return new ContainersError(
    { code: "CONTAINER_ENGINE_REFUSED", status, reason },
    `the container engine refused with ${status}: ${reason}`,
  );
}
