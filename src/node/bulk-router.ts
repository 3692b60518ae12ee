/** Bulk requests of other nodes, told apart by the first byte of their header. */
import type { BulkHandler } from "../mesh/ports.ts";
import { JobxError } from "../std/errors.ts";

/** What is asked for; the numbers are permanent. */
export const BULK_REQUEST = { block: 1, snapshot: 2, members: 3 } as const;

/** The header of a request for `content`. */
export function bulkHeader(kind: keyof typeof BULK_REQUEST, content: Uint8Array): Uint8Array {
  const header = new Uint8Array(1 + content.length);
  header[0] = BULK_REQUEST[kind];
  header.set(content, 1);
  return header;
}

/** Answers each kind by its own handler, which gets the header's content. */
export function bulkRouter(
  handlers: Readonly<Record<keyof typeof BULK_REQUEST, BulkHandler>>,
): BulkHandler {
  const byNumber = new Map<number | undefined, BulkHandler>([
    [BULK_REQUEST.block, handlers.block],
    [BULK_REQUEST.snapshot, handlers.snapshot],
    [BULK_REQUEST.members, handlers.members],
  ]);
  return (from, header, signal) => {
    const handler = byNumber.get(header[0]);
    if (handler === undefined)
      throw new JobxError({ code: "BULK_REQUEST_UNKNOWN" }, "not a bulk request of this version");
    return handler(from, header.subarray(1), signal);
  };
}
