/**
 * Snapshots between nodes over bulk streams. The simulator puts its network below this very class, so
 * that the chunks' bytes and checksums are part of what is simulated.
 */
import type { SnapshotChunk, SnapshotRequest, SnapshotTransfer } from "../actors/ports.ts";
import type { BulkHandler } from "../mesh/ports.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import { JobxError } from "../std/errors.ts";
import { ChunkReader, encodeChunk, snapshotRequestFormat } from "../wire/snapshot.ts";
import { bulkHeader } from "./bulk-router.ts";

/** As much of the mesh as snapshots need. */
export interface BulkStreams {
  /** The answer's bytes, in whatever pieces, as they are taken. @throws {JobxError} when the stream breaks. */
  requestBulk(
    to: NodeId,
    header: Uint8Array,
    options: { readonly signal: AbortSignal },
  ): AsyncIterable<Uint8Array>;
}

type Answer = Parameters<SnapshotTransfer["serve"]>[0];

export class BulkSnapshots implements SnapshotTransfer {
  #streams: BulkStreams | undefined;
  #answer: Answer | undefined;

  /** The mesh has started. */
  connect(streams: BulkStreams): void {
    this.#streams = streams;
  }

  serve(answer: Answer): void {
    this.#answer = answer;
  }

  async *fetch(
    from: NodeId,
    wanted: SnapshotRequest,
    signal: AbortSignal,
  ): AsyncGenerator<SnapshotChunk, void, void> {
    if (this.#streams === undefined) throw gone();
    const header = bulkHeader("snapshot", snapshotRequestFormat.encode(wanted));
    const reader = new ChunkReader();
    for await (const piece of this.#streams.requestBulk(from, header, { signal })) {
      reader.take(piece);
      for (let chunk = reader.next(); chunk !== undefined; chunk = reader.next()) yield chunk;
    }
  }

  /** Answers other nodes; the header without its first byte. */
  readonly handler: BulkHandler = (from, content) => this.#serve(from, content);

  async *#serve(from: NodeId, content: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
    if (this.#answer === undefined) throw gone();
    for await (const chunk of this.#answer(from, snapshotRequestFormat.decode(content)))
      yield encodeChunk(chunk);
  }
}

function gone(): JobxError {
  return new JobxError({ code: "SNAPSHOT_GONE" }, "the node does not serve snapshots yet");
}
