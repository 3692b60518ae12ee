/**
 * One call of the API to whichever node answers: goes on to the next node when one is gone, and repeats
 * a call only where that cannot do it twice. Who is told to come back later does so.
 */
import type { Clock } from "../std/clock.ts";
import { JobxError } from "../std/errors.ts";
import { type ClientErrorDetails, clientError } from "./client-errors.ts";
import { SlowCall, type SlowListener } from "./slow-call.ts";
import { isMapping } from "./values.ts";

/** What the client needs from the machine it runs on. */
export interface ClientDeps {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  /** Resolves after that time. */
  readonly sleep: (ms: number) => Promise<void>;
  /** A key that nobody else makes: 128 random bits as text. */
  readonly randomKey: () => string;
}

/** Whom to call, and how long to try. */
export interface ClientOptions {
  /** URLs of nodes, at least one; the first that answers is kept. */
  readonly urls: readonly string[];
  readonly token: string | undefined;
  /** Bound on one call with all its repetitions, without the time it was asked to wait. */
  readonly deadlineMs: number;
  /** No call goes on beyond this time of the clock, whatever it was asked to wait. */
  readonly endMs?: number | undefined;
  /**
   * Requests are read from the copy of whichever node answers, also where no majority can be reached.
   * Told how old that copy may be, milliseconds; undefined when the node cannot tell.
   */
  readonly stale?:
    | ((answer: { readonly url: string; readonly ageMs: number | undefined }) => void)
    | undefined;
  /** Told about calls that take long. */
  readonly slow?: SlowListener;
}

/** What an answer that is not a success says. */
export class RemoteError extends JobxError<{
  readonly code: string;
  readonly status: number;
  readonly remote: Readonly<Record<string, unknown>>;
}> {}

/** Whether a call that may have been carried out may be sent again. */
type Repeat = "always" | "when-not-accepted";

/** One call. */
export interface Call {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly repeat: Repeat;
  readonly body?: unknown;
  /** A body of bytes; a stream can be sent once. Not together with `body`. */
  readonly content?: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Time that the node was asked to wait. */
  readonly waitMs?: number;
  /** Time that one node gets for it, beyond `waitMs`. Default `WORK_MS`. */
  readonly workMs?: number;
}

/** Pause before the nodes are asked again, doubled each round up to the second. */
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 2000;
/** Time that one node gets for one attempt: some elections, and not the whole of the deadline. */
export const WORK_MS = 8000;
/** A node tells in time that it cannot; one that says nothing at all after this much more is stopped. */
const GRACE_MS = 2000;
/** Of a bound that the caller has set, so much is left for a node's answer to come back: it says why. */
const ANSWER_MS_MAX = 500;

/** What becomes of the answer to a call. */
export interface Answers<Answer> {
  /** The body is left to the reader. */
  readonly stream: boolean;
  readonly read: (answer: {
    readonly response: Response;
    readonly text: string;
    readonly url: string;
  }) => Answer;
}

/** The whole body, which is JSON. */
export function readJson<Answer>(): Answers<Answer> {
  return { stream: false, read: ({ text, url }) => parseAnswer<Answer>(text, url) };
}

/** The answer itself, whose body is read later. */
export function keep({ response }: { readonly response: Response }): Response {
  return response;
}

/** The text of a body as it arrives. */
export async function* decoded(response: Response): AsyncGenerator<string, void, undefined> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const part = await reader?.read();
      if (part === undefined || part.done) return;
      yield part.value;
    }
  } finally {
    // Who stops early wants no more of it, and its connection must not keep the program alive.
    await reader?.cancel().catch(() => {});
  }
}

/** What one call came to. */
export type Outcome<Answer> =
  | { readonly kind: "answer"; readonly answer: Answer }
  | {
      readonly kind: "failed";
      readonly error: JobxError;
      readonly again: boolean;
      /** To be tried again there after this time, and no earlier. */
      readonly laterMs: number;
    };

/** Sends calls. All rejections are `RemoteError` (a node refused) or `CLIENT_*` (no node answered). */
export class Transport {
  readonly #deps: ClientDeps;
  readonly #options: ClientOptions;
  #current = 0;

  constructor(deps: ClientDeps, options: ClientOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** URL of the node that answered last. */
  get url(): string {
    return this.#options.urls[this.#current % this.#options.urls.length] ?? "";
  }

  /** Sends the call until a node answers it or the deadline is over. */
  async call<Answer>(call: Call, answers: Answers<Answer> = readJson<Answer>()): Promise<Answer> {
    const { slow } = this.#options;
    const watch = new SlowCall(slow, { waitMs: call.waitMs ?? 0, url: () => this.url });
    try {
      return await this.#repeat(call, answers, watch);
    } finally {
      watch.stop();
    }
  }

  async #repeat<Answer>(call: Call, answers: Answers<Answer>, watch: SlowCall): Promise<Answer> {
    const workMs = call.workMs ?? WORK_MS;
    const startMs = this.#deps.clock.nowMs();
    const endMs = Math.min(
      startMs + Math.max(this.#options.deadlineMs, workMs) + (call.waitMs ?? 0),
      this.#options.endMs ?? Number.POSITIVE_INFINITY,
    );
    let hope = false;
    let pauseMs = PAUSE_MS_MIN;
    let laterMs = Number.POSITIVE_INFINITY;
    for (let tries = 1; ; tries++) {
      const leftMs = endMs - (call.waitMs ?? 0) - this.#deps.clock.nowMs();
      const backMs = endMs === this.#options.endMs ? Math.min(ANSWER_MS_MAX, leftMs / 4) : 0;
      const tryMs = Math.ceil(Math.max(1, Math.min(leftMs - backMs, workMs)));
      const outcome = await this.attempt(call, tryMs, answers);
      if (outcome.kind === "answer") return outcome.answer;
      if (!outcome.again) throw outcome.error;
      watch.failed(outcome.error);
      this.#current = (this.#current + 1) % this.#options.urls.length;
      const roundDone = tries % this.#options.urls.length === 0;
      hope ||= !isHopeless(outcome.error);
      laterMs = Math.min(laterMs, outcome.laterMs);
      if (roundDone && !hope) throw outcome.error;
      const sleepMs = roundDone ? Math.max(pauseMs, laterMs) : 0;
      if (this.#deps.clock.nowMs() + sleepMs >= endMs) throw outcome.error;
      if (!roundDone) continue;
      await this.#deps.sleep(sleepMs);
      pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
      laterMs = Number.POSITIVE_INFINITY;
    }
  }

  /** Sends the call once. */
  async attempt<Answer>(
    call: Call,
    workMs: number,
    answers: Answers<Answer>,
  ): Promise<Outcome<Answer>> {
    const { url } = this;
    // What is read as a stream may take as long as it likes once it has begun.
    const timeout = new AbortController();
    const msMax = this.#patienceMs(workMs + (call.waitMs ?? 0) + GRACE_MS);
    const timer = setTimeout(() => timeout.abort(new Error("no answer in time")), msMax);
    let response: Response;
    let text = "";
    try {
      const init = this.#toInit(call, workMs);
      response = await this.#deps.fetch(new URL(call.path, url), {
        ...init,
        signal: timeout.signal,
      });
      if (!response.ok || !answers.stream) text = await response.text();
    } catch (cause) {
      const error = unreachableError(url, cause);
      const again = call.repeat === "always" || neverSent(cause);
      return { kind: "failed", error, again, laterMs: 0 };
    } finally {
      clearTimeout(timer);
    }
    if (response.ok) return { kind: "answer", answer: answers.read({ response, text, url }) };
    const error = remoteError(response.status, text);
    return {
      kind: "failed",
      error,
      again: mayRepeat(call.repeat, error),
      laterMs: laterMsOf(response),
    };
  }

  /** Whole milliseconds, at most what is left of the caller's time. */
  #patienceMs(ms: number): number {
    const { endMs = Number.POSITIVE_INFINITY } = this.#options;
    return Math.ceil(Math.max(1, Math.min(ms, endMs - this.#deps.clock.nowMs())));
  }

  #toInit(call: Call, workMs: number): RequestInit {
    const { token } = this.#options;
    return {
      method: call.method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(call.body === undefined ? {} : { "content-type": "application/json" }),
        "jobx-deadline-ms": String(workMs),
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      ...(call.content === undefined ? {} : { body: call.content, duplex: "half" }),
      redirect: "error",
    };
  }
}

/**
 * What a node that has too much to do asks for. One that cannot for another reason may be able to at any
 * moment, as after an election, and is tried again as often as is good for the caller.
 */
function laterMsOf({ status, headers }: Response): number {
  const text = headers.get("retry-after") ?? "";
  return status === 429 && /^[0-9]{1,9}$/u.test(text) ? 1000 * Number(text) : 0;
}

/** A name or a port that is wrong stays wrong: the same call meets the same end. */
function isHopeless({ cause }: Error): boolean {
  // What `fetch` itself refuses or cannot do; its time being over is another kind of error.
  if (!(cause instanceof TypeError)) return false;
  const code = codeOf(cause.cause);
  return typeof code !== "string" || code === "ENOTFOUND" || code.startsWith("HPE_");
}

/** Not carried out for certain: safe to send again, whatever the call does. */
const NOT_ACCEPTED: ReadonlySet<string> = new Set([
  "COMMAND_NOT_ACCEPTED",
  "COMMAND_QUEUE_FULL",
  "DEADLINE_PASSED",
  "API_BUSY",
  "API_BODIES_FULL",
  "API_WAITS_FULL",
  "API_OVERLOADED",
]);

function mayRepeat(repeat: Repeat, error: RemoteError): boolean {
  const { status, code } = error.details;
  if (NOT_ACCEPTED.has(code)) return true;
  return repeat === "always" && (status === 429 || status >= 502);
}

/** The connection was refused, so the node has not seen the call. */
function neverSent(cause: unknown): boolean {
  return cause instanceof Error && "cause" in cause && codeOf(cause.cause) === "ECONNREFUSED";
}

function codeOf(cause: unknown): unknown {
  return isMapping(cause) ? cause["code"] : undefined;
}

function unreachableError(url: string, cause: unknown): JobxError<ClientErrorDetails> {
  const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
  const code = codeOf(inner);
  const reason =
    typeof code === "string" ? code : inner instanceof Error ? inner.message : "no answer";
  return clientError(
    { code: "CLIENT_UNREACHABLE", url, reason },
    `cannot reach ${url}: ${reason}`,
    {
      cause,
    },
  );
}

/** @throws {JobxError} `CLIENT_ANSWER_INVALID` when it is not JSON: something else listens there. */
export function parseAnswer<Answer>(text: string, url: string): Answer {
  const answer = tryJson(text);
  if (isAnswer<Answer>(answer)) return answer;
  throw clientError(
    { code: "CLIENT_ANSWER_INVALID", url },
    `the answer of ${url} is not what a jobx node says`,
  );
}

/** Every answer is an object; the types of its fields are the contract between nodes and clients. */
function isAnswer<Answer>(value: unknown): value is Answer {
  return isMapping(value);
}

/** Undefined for what is not JSON: a proxy's page, for example. */
function tryJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

/** The error that an answer which is no success stands for. */
export function remoteError(status: number, text: string): RemoteError {
  const body = tryJson(text);
  const known = isMapping(body) ? body : {};
  const code = typeof known["code"] === "string" ? known["code"] : `HTTP_${status}`;
  const message = typeof known["message"] === "string" ? known["message"] : `HTTP status ${status}`;
  const remote = isMapping(known["details"]) ? known["details"] : known;
  return new RemoteError({ code, status, remote }, message);
}
