import type { CallAnswer, PeerMessage } from "../actors/ports.ts";
import { WireError } from "./errors.ts";
import { type Format, FRAME_BYTES_MAX } from "./frame.ts";
import { peerMessageFormat } from "./peer-message.ts";

/**
 * A message as frames of at most `bytesMax` bytes, to be sent in this order; nearly always one. What is
 * larger is cut where that changes nothing: lists of Raft messages, grants, ends and tokens become
 * several messages, scanned rows end earlier with `more`. An answer that is still too large becomes
 * one that says so, so that nobody waits for it.
 * @throws {WireError} `WIRE_TOO_LARGE` for any other message that cannot be cut.
 */
export function encodePeerFrames(
  message: PeerMessage,
  bytesMax = FRAME_BYTES_MAX,
  format: Pick<Format<PeerMessage>, "encode"> = peerMessageFormat,
): readonly Uint8Array[] {
  const frame = format.encode(message);
  if (frame.length <= bytesMax) return [frame];
  const parts = cut(message);
  if (parts !== undefined) return parts.flatMap((part) => encodePeerFrames(part, bytesMax, format));
  const details = { code: "WIRE_TOO_LARGE", bytes: frame.length, bytesMax } as const;
  const text = `a message of ${frame.length} bytes, at most ${bytesMax}`;
  if (message.kind !== "answer" || message.answer.kind !== "rows")
    throw new WireError(details, text);
  const { code, ...told } = details;
  const answer = { kind: "error", code, message: text, details: told } as const;
  return [format.encode({ kind: "answer", id: message.id, answer })];
}

/** Smaller messages that together say the same, or undefined where there are none. */
function cut(message: PeerMessage): readonly PeerMessage[] | undefined {
  switch (message.kind) {
    case "raft":
      return halves(message.items)?.map((items) => ({ kind: "raft", items }));
    case "executor": {
      const said = message.message;
      if (said.kind !== "ended") return undefined;
      return halves(said.ends)?.map((ends) => ({ kind: "executor", message: { ...said, ends } }));
    }
    case "scheduler":
      return cutScheduler(message.message);
    case "answer": {
      const answer = shorter(message.answer);
      return answer === undefined ? undefined : [{ ...message, answer }];
    }
    case "make-replica":
    case "replica-report":
    case "replica-gone":
    case "clock":
    case "cluster-version":
    case "call":
      return undefined;
  }
}

function cutScheduler(
  said: Extract<PeerMessage, { readonly kind: "scheduler" }>["message"],
): readonly PeerMessage[] | undefined {
  switch (said.kind) {
    case "grants":
      return halves(said.grants)?.map((grants) => ({
        kind: "scheduler",
        message: { ...said, grants },
      }));
    case "settled":
    case "cancel":
      return halves(said.tokens)?.map((tokens) => ({
        kind: "scheduler",
        message: { ...said, tokens },
      }));
    case "demand":
    case "not-scheduler":
      return undefined;
  }
}

/** Fewer of the scanned rows; whoever asked goes on after the last one. */
function shorter(answer: CallAnswer): CallAnswer | undefined {
  if (answer.kind !== "rows") return undefined;
  const scanned = halves(answer.scanned)?.[0];
  return scanned === undefined ? undefined : { ...answer, scanned, more: true };
}

function halves<T>(list: readonly T[]): readonly [readonly T[], readonly T[]] | undefined {
  if (list.length < 2) return undefined;
  const middle = Math.ceil(list.length / 2);
  return [list.slice(0, middle), list.slice(middle)];
}
