import { JobxError } from "../std/errors.ts";

/** What can go wrong between nodes; `docs/errors.md` says when and what to do. */
export type MeshErrorDetails =
  | { readonly code: "MESH_KEY_EXPOSED"; readonly path: string; readonly mode: string }
  | { readonly code: "MESH_KEY_INVALID"; readonly path: string }
  | { readonly code: "MESH_ADDRESS_INVALID"; readonly address: string }
  | {
      readonly code: "MESH_LISTEN_FAILED";
      readonly addresses: readonly string[];
      readonly reason: string;
    }
  | { readonly code: "MESH_NOT_CONNECTED"; readonly node: string }
  | { readonly code: "MESH_FRAME_TOO_LARGE"; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: "MESH_FRAME_MALFORMED" }
  | { readonly code: "MESH_VERSION_UNKNOWN"; readonly version: number }
  | { readonly code: "MESH_STREAM_BROKEN" }
  | { readonly code: "MESH_STREAM_STALLED" }
  | { readonly code: "MESH_CLOSED" }
  | { readonly code: "MESH_BULK_UNHANDLED" }
  | { readonly code: "MESH_BULK_FAILED" }
  | { readonly code: "MESH_REMOTE_ERROR"; readonly remoteCode: string }
  | { readonly code: "MESH_TOPICS_FULL"; readonly topicsMax: number }
  | { readonly code: "MESH_JOIN_REFUSED" }
  | { readonly code: "MESH_JOIN_TIMEOUT" }
  | { readonly code: "MESH_JOIN_UNREACHABLE" }
  | { readonly code: "MESH_JOIN_UNPROVEN"; readonly node: string };

/** An operating error of the mesh. */
export function meshError(
  details: MeshErrorDetails,
  message: string,
  options?: ErrorOptions,
): JobxError<MeshErrorDetails> {
  return new JobxError(details, message, options);
}

/** Whatever was thrown, as an `Error`: libraries may throw anything. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The code of an operating error, `undefined` for anything else. */
export function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof JobxError)) return undefined;
  const code: unknown = thrown.code;
  return typeof code === "string" ? code : undefined;
}

/** What may be told to another node about a failure: our own codes and words, never a library's. */
export function reportable(thrown: unknown): { readonly code: string; readonly message: string } {
  const code = codeOf(thrown);
  if (code !== undefined) return { code, message: toError(thrown).message };
  return { code: "MESH_BULK_FAILED", message: "the other node failed while it answered" };
}
