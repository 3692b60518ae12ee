/** The invocations of requests for the API: where they are read from, and how their pairs come here. */
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { InvocationList, InvocationPort, InvocationView } from "../api/invocation-view.ts";
import type { DataPlane } from "./data-plane/data-plane.ts";
import { invocationView } from "./invocation-data.ts";
import { InvocationReader } from "./invocation-reader.ts";
import type { RequestReader } from "./request-reader.ts";
import { within } from "./within.ts";

/** What takes time when pairs are asked for. */
const FETCHED = "the pairs were fetched from other nodes";

/** What reading needs: readers of requests that a majority has confirmed, and of this node's own copy. */
export interface InvocationDeps {
  readonly node: ClusterNode;
  readonly plane: Pick<DataPlane, "readSliceTexts">;
  readonly fresh: RequestReader;
  readonly stale: RequestReader;
}

export class Invocations implements InvocationPort {
  readonly #deps: InvocationDeps;

  constructor(deps: InvocationDeps) {
    this.#deps = deps;
  }

  async list(...args: Parameters<InvocationPort["list"]>): Promise<InvocationList> {
    const [request, page, { deadline, stale = false }] = args;
    const { requests, reader } = this.#readers(stale);
    return reader.list(await requests.place(request, deadline), page, deadline);
  }

  async show(...args: Parameters<InvocationPort["show"]>): Promise<InvocationView> {
    const [request, of, options] = args;
    const { deadline, stale = false } = options;
    const { requests, reader } = this.#readers(stale);
    const found = await reader.find(
      await requests.place(request, deadline),
      of.invocation,
      deadline,
    );
    const { node, plane } = this.#deps;
    return invocationView(found, of, {
      rows: reader,
      nodeName: (at) => node.directory.member(at)?.name ?? at,
      pairs: {
        ensure: (dataset) =>
          within(options, FETCHED, (signal) => node.copies.ensure(dataset, signal)),
        read: (slices) => plane.readSliceTexts(slices),
      },
    });
  }

  #readers(stale: boolean): {
    readonly requests: RequestReader;
    readonly reader: InvocationReader;
  } {
    const requests = stale ? this.#deps.stale : this.#deps.fresh;
    return { requests, reader: new InvocationReader(this.#deps.node, requests, { stale }) };
  }
}
