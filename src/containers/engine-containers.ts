/** Containers of a container engine. Right for both engines: create, attach, start, wait, inspect, remove. */
import { type ContainerSpec, createBody } from "./container-spec.ts";
import { type EngineCall, type EngineHttp, refused } from "./engine-http.ts";
import { answerInvalid } from "./errors.ts";
import { fieldsOf, parseAnswer, textFields, textOr } from "./fields.ts";
import { type OutputChunk, OutputFrames } from "./output-frames.ts";

/** Calls that only look, or that say something. */
const LOOK_MS = 10_000;

/** Calls that make the engine do something: a busy machine takes seconds to start a container. */
const WORK_MS = 60_000;

/** Tries of a removal: an engine may answer 500 once for a container that has just ended. */
const REMOVES_MAX = 5;
const REMOVE_AGAIN_MS = 200;

/** A container as a list tells it. */
export interface ListedContainer {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** How a container stands. */
export interface ContainerState {
  readonly running: boolean;
  readonly exitCode: number;
  /** The engine's word: it may miss it. */
  readonly outOfMemory: boolean;
  /** What kept it from starting, in the engine's words. */
  readonly error: string;
  /** As the engine writes times. */
  readonly startedAt: string;
  readonly finishedAt: string;
}

export class EngineContainers {
  readonly #http: EngineHttp;

  constructor(http: EngineHttp) {
    this.#http = http;
  }

  /** Makes a container that does not run yet; its id. @throws {JobxError} `CONTAINER_ENGINE_REFUSED`. */
  async create(spec: ContainerSpec, signal?: AbortSignal): Promise<string> {
    const body = { kind: "json", value: createBody(spec) } as const;
    const call = { method: "POST", path: "/containers/create", body, signal } as const;
    const answer = await this.#http.ask({ ...call, deadlineMs: WORK_MS });
    if (answer.status !== 201) throw refused(answer);
    const id = textOr(fieldsOf(parseAnswer(answer.text))["Id"], "");
    if (id === "") throw answerInvalid("a container without id");
    return id;
  }

  /**
   * What the container prints from now on, until it ends. The connection is made when this resolves, so that
   * nothing is missed of what is started after it. Reading slowly holds the container back.
   */
  async attach(id: string, signal?: AbortSignal): Promise<AsyncIterable<OutputChunk>> {
    const { socket, head } = await this.#http.hijack({
      method: "POST",
      path: `/containers/${id}/attach`,
      query: { stream: "1", stdout: "1", stderr: "1" },
      deadlineMs: LOOK_MS,
      signal,
    });
    return outputOf(head, socket);
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    const path = `/containers/${id}/start`;
    await this.#do({ method: "POST", path, deadlineMs: WORK_MS, signal }, [204, 304]);
  }

  /** Resolves with the exit code when the container has ended. `deadlineMs` is how long it may run. */
  async wait(
    id: string,
    options: { readonly deadlineMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<number> {
    const path = `/containers/${id}/wait`;
    const answer = await this.#http.ask({ method: "POST", path, ...options });
    if (answer.status !== 200) throw refused(answer);
    const code = fieldsOf(parseAnswer(answer.text))["StatusCode"];
    if (typeof code !== "number") throw answerInvalid("an end without exit code");
    return code;
  }

  /** Undefined when there is no such container. */
  async inspect(id: string): Promise<ContainerState | undefined> {
    const path = `/containers/${id}/json`;
    const answer = await this.#http.ask({ method: "GET", path, deadlineMs: LOOK_MS });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw refused(answer);
    const state = fieldsOf(fieldsOf(parseAnswer(answer.text))["State"]);
    const code = state["ExitCode"];
    return {
      running: state["Running"] === true,
      exitCode: typeof code === "number" ? code : -1,
      outOfMemory: state["OOMKilled"] === true,
      error: textOr(state["Error"], ""),
      startedAt: textOr(state["StartedAt"], ""),
      finishedAt: textOr(state["FinishedAt"], ""),
    };
  }

  /** What it has printed so far, where its prints are kept. */
  async *logs(id: string): AsyncGenerator<OutputChunk> {
    const query = { stdout: "1", stderr: "1" };
    const path = `/containers/${id}/logs`;
    const answer = await this.#http.open({ method: "GET", path, query, deadlineMs: WORK_MS });
    if (answer.status !== 200) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of answer.body) chunks.push(chunk);
      throw refused({ status: answer.status, text: Buffer.concat(chunks).toString("utf8") });
    }
    yield* outputOf(new Uint8Array(0), answer.body);
  }

  /** Asks it to end, then kills it. Nothing when it has ended. */
  async stop(id: string): Promise<void> {
    const path = `/containers/${id}/stop`;
    await this.#do({ method: "POST", path, deadlineMs: WORK_MS }, [204, 304, 404]);
  }

  /** Kills it. Nothing when it has ended: 409, or podman's 500. */
  async kill(id: string): Promise<void> {
    const path = `/containers/${id}/kill`;
    await this.#do({ method: "POST", path, deadlineMs: WORK_MS }, [204, 404, 409, 500]);
  }

  /** Kills and removes it; nothing when it is gone. @throws {JobxError} after some tries. */
  async remove(id: string): Promise<void> {
    const query = { force: "1", v: "1" };
    const call = { method: "DELETE", path: `/containers/${id}`, query } as const;
    for (let tries = 1; ; tries++) {
      const answer = await this.#http.ask({ ...call, deadlineMs: WORK_MS });
      // 409: somebody else is removing it.
      if ([200, 204, 404, 409].includes(answer.status)) return;
      if (tries >= REMOVES_MAX) throw refused(answer);
      await new Promise((resolve) => setTimeout(resolve, REMOVE_AGAIN_MS));
    }
  }

  /** All, also those that have ended, that carry the label. */
  async list(label: string): Promise<readonly ListedContainer[]> {
    const query = { all: "1", filters: JSON.stringify({ label: [label] }) };
    const call = { method: "GET", path: "/containers/json", query } as const;
    const answer = await this.#http.ask({ ...call, deadlineMs: LOOK_MS });
    if (answer.status !== 200) throw refused(answer);
    const containers: unknown = parseAnswer(answer.text);
    if (!Array.isArray(containers)) throw answerInvalid("containers are no list");
    return containers.map((one) => {
      const fields = fieldsOf(one);
      return { id: textOr(fields["Id"], ""), labels: textFields(fields["Labels"]) };
    });
  }

  async #do(call: EngineCall, expected: readonly number[]): Promise<void> {
    const answer = await this.#http.ask(call);
    if (!expected.includes(answer.status)) throw refused(answer);
  }
}

async function* outputOf(
  head: Uint8Array,
  body: AsyncIterable<unknown>,
): AsyncGenerator<OutputChunk> {
  const frames = new OutputFrames();
  yield* frames.take(head);
  for await (const chunk of body) {
    if (chunk instanceof Uint8Array) yield* frames.take(chunk);
  }
}
