/**
 * The actors' mesh over one that carries bytes: messages become frames and frames messages. The
 * simulator puts its network below this very class.
 */

import type { MeshListener, MeshPort, PeerMessage } from "../actors/ports.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import { assert } from "../std/assert.ts";
import { encodePeerFrames } from "../wire/peer-frames.ts";
import { peerMessageFormat } from "../wire/peer-message.ts";

/** As much of the mesh as the actors' messages need. */
export interface Frames {
  readonly self: NodeId;
  /** False when the frame certainly was not sent. */
  send(to: NodeId, frame: Uint8Array): boolean;
  isUp(node: NodeId): boolean;
  setMembers(
    members: readonly { readonly node: NodeId; readonly addresses: readonly string[] }[],
  ): void;
}

/** Messages of one kind that were sent to other nodes. */
export interface SentCount {
  readonly kind: PeerMessage["kind"];
  readonly frames: number;
  readonly bytes: number;
}

export class FrameMesh implements MeshPort {
  readonly self: NodeId;
  readonly #sent = new Map<PeerMessage["kind"], { frames: number; bytes: number }>();
  #frames: Frames | undefined;
  #listener: MeshListener | undefined;

  /** `self` is known before there are frames to send, since its key is. */
  constructor(self: NodeId) {
    this.self = self;
  }

  /** The mesh has started. */
  connect(frames: Frames): void {
    assert(frames.self === this.self, "the mesh is this node's");
    this.#frames = frames;
  }

  listen(listener: MeshListener): void {
    this.#listener = listener;
  }

  send(to: NodeId, message: PeerMessage): boolean {
    if (to === this.self) {
      // Own words come back like others' do: after what is being done now.
      queueMicrotask(() => this.#listener?.message(this.self, message));
      return true;
    }
    const frames = this.#frames;
    if (frames === undefined) return false;
    return encodePeerFrames(message).every((frame) => {
      if (!frames.send(to, frame)) return false;
      this.#count(message.kind, frame.length);
      return true;
    });
  }

  /** What was sent since the start, for metrics. */
  sent(): readonly SentCount[] {
    return [...this.#sent].map(([kind, count]) => ({ kind, ...count }));
  }

  #count(kind: PeerMessage["kind"], bytes: number): void {
    const count = this.#sent.get(kind) ?? { frames: 0, bytes: 0 };
    count.frames += 1;
    count.bytes += bytes;
    this.#sent.set(kind, count);
  }

  isUp(node: NodeId): boolean {
    return node === this.self || (this.#frames?.isUp(node) ?? false);
  }

  setMembers(
    members: readonly { readonly node: NodeId; readonly addresses: readonly string[] }[],
  ): void {
    this.#frames?.setMembers(members.filter(({ node }) => node !== this.self));
  }

  /** @throws {JobxError} `WIRE_MALFORMED`, `WIRE_VERSION_UNKNOWN`: the sender's stream is closed. */
  onFrame(from: NodeId, frame: Uint8Array): void {
    const message = peerMessageFormat.decode(frame);
    this.#listener?.message(from, message);
  }

  onPeerUp(node: NodeId): void {
    this.#listener?.peerUp(node);
  }

  onPeerDown(node: NodeId): void {
    this.#listener?.peerDown(node);
  }
}
