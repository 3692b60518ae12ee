/** Invocations in memory, for tests of what stands in front of a cluster. */
import type {
  InvocationList,
  InvocationPort,
  InvocationView,
} from "../../src/api/invocation-view.ts";
import type { CallOptions } from "../../src/api/ports.ts";
import { JobxError } from "../../src/std/errors.ts";

/** A finished leaf, of which a test says what it wants. */
export function invocationNamed(
  invocation: string,
  fields: Partial<InvocationView> = {},
): InvocationView {
  return {
    ...{ invocation, phase: "map", part: null, step: "lines", parent: null, children: 0 },
    handlers: [{ type: "mapper", name: "map_lines", version: "ab12" }],
    ...{ state: "done", attempts: 1, node: "12D3KooWfirst", nodeName: "node-1" },
    createdAt: "2026-01-01T00:00:00Z",
    grantedAt: "2026-01-01T00:00:01Z",
    startedAt: "2026-01-01T00:00:01Z",
    endedAt: "2026-01-01T00:00:02Z",
    ...{ errorCode: null, request: "r1", workflow: "text", key: null },
    ...{ input: null, output: null, error: null },
    ...fields,
  };
}

/** Says what it was called with, and answers with the views that a test has put there. */
export class FakeInvocations implements InvocationPort {
  readonly views: InvocationView[] = [];
  readonly #called: (method: string, input: unknown, options: CallOptions) => void;

  constructor(called: (method: string, input: unknown, options: CallOptions) => void) {
    this.#called = called;
  }

  /** Looks at as many as are asked for, so that a page in which few fit ends early. */
  async list(...args: Parameters<InvocationPort["list"]>): Promise<InvocationList> {
    const [id, page, options] = args;
    this.#called("invocations", { id, ...page }, options);
    const from = this.views.findIndex(({ invocation }) => invocation === page.after) + 1;
    const shown = this.views.slice(from, from + page.limit);
    const isLast = from + shown.length >= this.views.length;
    const invocations = shown
      .filter(({ state }) => page.states?.includes(state) ?? true)
      .map(({ request, workflow, key, input, output, error, ...summary }) => summary);
    return { invocations, next: isLast ? null : (shown.at(-1)?.invocation ?? null) };
  }

  async show(...args: Parameters<InvocationPort["show"]>): Promise<InvocationView> {
    const [id, of, options] = args;
    this.#called("invocation", { id, ...of }, options);
    const view = this.views.find(({ invocation }) => invocation === of.invocation);
    if (view === undefined) {
      throw new JobxError({ code: "INVOCATION_UNKNOWN" }, `there is no ${of.invocation}`);
    }
    return view;
  }
}
