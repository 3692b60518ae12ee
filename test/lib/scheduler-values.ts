/** Definitions, datasets and outcomes for tests of the state machine. */
import type { ClientCommand } from "../../src/scheduler/commands.ts";
import type { Dataset } from "../../src/scheduler/dataset.ts";
import type { FailurePolicy, HandlerDefinition } from "../../src/scheduler/rows.ts";
import type { HandlerType, Language, Outcome } from "../../src/scheduler/work.ts";

/** A step by what matters here; its handlers are called `map_NAME` and `reduce_NAME`. */
export interface StepSketch {
  readonly name: string;
  readonly partitions?: number;
  readonly retries?: number;
  readonly onFailure?: FailurePolicy;
  readonly capability?: string;
  readonly reducerCapability?: string;
  /** Of its mapper. */
  readonly language?: Language;
}

/** A handler in JavaScript that says nothing but its name and type. */
export function handlerNamed(
  name: string,
  type: HandlerType,
  capability = "none",
): HandlerDefinition {
  const version = `version of ${name}`;
  return {
    handler: {
      name,
      version,
      language: "javascript",
      type,
      argumentType: "list",
      memoryBytes: undefined,
    },
    capability,
    retries: undefined,
    timeoutMs: undefined,
    description: "",
  };
}

/** The commands that define these steps and the job `job`, which begins with the first. */
export function sketchDefinition(steps: readonly StepSketch[]): {
  readonly define: Extract<ClientCommand, { kind: "define" }>;
  readonly sources: readonly Extract<ClientCommand, { kind: "source" }>[];
} {
  const handlers = steps.flatMap((step) => {
    const { name, capability = "none", reducerCapability = "none", language } = step;
    const mapper = handlerNamed(`map_${name}`, "mapper", capability);
    return [
      { ...mapper, handler: { ...mapper.handler, language: language ?? "javascript" } },
      handlerNamed(`reduce_${name}`, "reducer", reducerCapability),
    ];
  });
  const define = {
    kind: "define",
    revision: 0,
    description: "",
    handlers,
    steps: steps.map(({ name, partitions = 1, retries = 0, onFailure = "fail" }) => ({
      name,
      description: "",
      map: `map_${name}`,
      combine: undefined,
      reduce: `reduce_${name}`,
      partitions,
      retries,
      timeoutMs: 60_000,
      onFailure,
    })),
    jobs: [{ name: "job", step: steps[0]?.name ?? "", description: "" }],
    retention: undefined,
    weight: 1,
  } as const satisfies ClientCommand;
  const sources = handlers.map((one) => {
    const { version } = one.handler;
    return { kind: "source", version, source: "" } as const;
  });
  return { define, sources };
}

/** A dataset that holds a text, padded to `bytesMin`. */
export function textData(text: string, bytesMin = 0): Dataset {
  const bytes = new TextEncoder().encode(text.padEnd(bytesMin));
  return [{ kind: "inline", bytes, count: 1, order: "key" }];
}

/** The texts in a dataset, one per piece. */
export function textsOf(dataset: Dataset): readonly string[] {
  return dataset.flatMap((piece) =>
    piece.kind === "inline" ? [new TextDecoder().decode(piece.bytes).trim()] : [],
  );
}

/** So many pairs, in yield order. */
export function childData(count: number): Dataset {
  if (count === 0) return [];
  return [{ kind: "inline", bytes: new Uint8Array(count), count, order: "yield" }];
}

export function mapped(step: string, count: number): Extract<Outcome, { kind: "mapped" }> {
  return { kind: "mapped", step, children: childData(count), session: [], warnings: [] };
}

export function reduced(...parts: readonly Dataset[]): Extract<Outcome, { kind: "reduced" }> {
  return { kind: "reduced", parts, session: [], warnings: [] };
}

export function failed(message = "no good"): Extract<Outcome, { kind: "failed" }> {
  const error = { code: "HANDLER_FAILED", message, traceback: "", stdout: "", stderr: "" };
  return { kind: "failed", error };
}
