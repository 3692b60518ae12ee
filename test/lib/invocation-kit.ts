/** A reader of invocations over the rows of a `SchedulerKit`, which counts what it reads. */
import type { AnswerOf, RowsWanted } from "../../src/actors/answers.ts";
import type { InvocationPage } from "../../src/api/invocation-view.ts";
import { InvocationReader } from "../../src/node/invocation-reader.ts";
import type { RequestPlace } from "../../src/node/request-reader.ts";
import { RequestReader } from "../../src/node/request-reader.ts";
import { requestId } from "../../src/scheduler/unit.ts";
import { Deadline } from "../../src/std/deadline.ts";
import type { SchedulerKit } from "./scheduler-kit.ts";

/** A page of everything. */
export const ALL: InvocationPage = {
  ...{ limit: 1000, after: undefined, parent: undefined, step: undefined, states: undefined },
};

const nobody = (): Promise<never> => Promise.reject(new Error("the request is named by its id"));

/** The invocations of one request, and what reading them took so far. */
export interface InvocationsRead {
  readonly id: string;
  readonly seen: { reads: number; keys: number; rows: number };
  readonly reader: InvocationReader;
  readonly list: (page?: Partial<InvocationPage>) => ReturnType<InvocationReader["list"]>;
  readonly find: (invocation: string) => ReturnType<InvocationReader["find"]>;
}

/** Reads what the kit has written. */
export function invocationsOf(kit: SchedulerKit, request: number): InvocationsRead {
  const seen = { reads: 0, keys: 0, rows: 0 };
  const node = {
    directory: { member: () => undefined },
    read: (_group: number, what: RowsWanted): Promise<AnswerOf<"rows">> => {
      const { scan } = what;
      const between =
        scan === undefined
          ? []
          : [...kit.rows].filter(([key]) => key >= scan.gte && key < scan.lt).sort(byKey);
      const scanned = between.slice(0, scan?.limit).map(([key, row]) => ({ key, row }));
      seen.reads += 1;
      seen.keys += what.keys.length;
      seen.rows += scanned.length;
      const values = what.keys.map((key) => kit.rows.get(key));
      const more = scanned.length < between.length;
      return Promise.resolve({ kind: "rows", values, scanned, more, term: 1, appliedIndex: 1 });
    },
  };
  const requests = new RequestReader(node, { workflow: nobody, workflowNamed: nobody });
  const reader = new InvocationReader(node, requests, { stale: false });
  const id = requestId("flow", 7, request);
  const place: RequestPlace = { id, workflow: "flow", group: 7, sequence: request };
  const deadline = new Deadline({ nowMs: () => 0 }, 1000);
  return {
    id,
    seen,
    reader,
    list: (page: Partial<InvocationPage> = {}) => reader.list(place, { ...ALL, ...page }, deadline),
    find: (invocation: string) => reader.find(place, invocation, deadline),
  };
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
