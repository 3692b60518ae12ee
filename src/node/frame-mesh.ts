/**
 * The actors' mesh over one that carries bytes: messages become frames and frames messages. The
 * simulator puts its network below this very class.
 */

import type { MeshListener, MeshPort, PeerMessage } from "../actors/ports.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import { assert } from "../std/assert.ts";
import { type Format, FRAME_BYTES_MAX } from "../wire/frame.ts";
import { encodePeerFrames } from "../wire/peer-frames.ts";
import { peerMessageFormat } from "../wire/peer-message.ts";

/** As much of the mesh as the actors' messages need. */
export interface Frames {
  readonly self: NodeId;
  /** False when the frame certainly was not sent. */
  send(to: NodeId, frame: Uint8Array): boolean;
  isUp(node: NodeId): boolean;
  isDialable(node: NodeId): boolean;
  setMembers(
    members: readonly { readonly node: NodeId; readonly addresses: readonly string[] }[],
  ): void;
}

/** Told of each frame, for figures. */
export type FrameMeter = (direction: "in" | "out", kind: string, bytes: number) => void;

export interface FrameMeshOptions {
  readonly meter?: FrameMeter;
  readonly format?: Format<PeerMessage>;
}

export class FrameMesh implements MeshPort {
  readonly self: NodeId;
  readonly #meter: FrameMeter | undefined;
  readonly #format: Format<PeerMessage>;
  #frames: Frames | undefined;
  #listener: MeshListener | undefined;

  /**
   * `self` is known before there are frames to send, since its key is. `format` is how the node's program
   * writes and reads messages; this program's own without it.
   */
  constructor(self: NodeId, options: FrameMeshOptions = {}) {
    this.self = self;
    this.#meter = options.meter;
    this.#format = options.format ?? peerMessageFormat;
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
    return encodePeerFrames(message, FRAME_BYTES_MAX, this.#format).every((frame) => {
      const sent = frames.send(to, frame);
      if (sent) this.#meter?.("out", message.kind, frame.length);
      return sent;
    });
  }

  isUp(node: NodeId): boolean {
    return node === this.self || (this.#frames?.isUp(node) ?? false);
  }

  isDialable(node: NodeId): boolean {
    return node === this.self || (this.#frames?.isDialable(node) ?? false);
  }

  setMembers(
    members: readonly { readonly node: NodeId; readonly addresses: readonly string[] }[],
  ): void {
    this.#frames?.setMembers(members.filter(({ node }) => node !== this.self));
  }

  /** @throws {JobxError} `WIRE_MALFORMED`, `WIRE_VERSION_UNKNOWN`: the sender's stream is closed. */
  onFrame(from: NodeId, frame: Uint8Array): void {
    const message = this.#format.decode(frame);
    this.#meter?.("in", message.kind, frame.length);
    this.#listener?.message(from, message);
  }

  onPeerUp(node: NodeId): void {
    this.#listener?.peerUp(node);
  }

  onPeerDown(node: NodeId): void {
    this.#listener?.peerDown(node);
  }
}
