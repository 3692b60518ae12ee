/** What a simulated node says and hears, before it is encoded and after it was decoded. */
import type { MeshListener, PeerMessage } from "../../src/actors/ports.ts";
import { FrameMesh } from "../../src/node/frame-mesh.ts";
import { isJobxError } from "../../src/std/errors.ts";
import type { Format } from "../../src/wire/frame.ts";

/** Who listens. */
export interface MeshWatch {
  heard(from: string, message: PeerMessage): void;
  followed(message: PeerMessage): void;
  said(to: string, message: PeerMessage): void;
  unreadable(from: string, error: Error): void;
}

/** The program's own mesh, with somebody who listens. */
export class WatchedMesh extends FrameMesh {
  readonly #watch: MeshWatch;

  constructor(self: string, watch: MeshWatch, format: Format<PeerMessage>) {
    super(self, { format });
    this.#watch = watch;
  }

  override listen(listener: MeshListener): void {
    super.listen({
      message: (from, message) => {
        this.#watch.heard(from, message);
        listener.message(from, message);
        this.#watch.followed(message);
      },
      peerUp: (node) => listener.peerUp(node),
      peerDown: (node) => listener.peerDown(node),
    });
  }

  override onFrame(from: string, frame: Uint8Array): void {
    try {
      super.onFrame(from, frame);
    } catch (error) {
      if (isJobxError(error)) this.#watch.unreadable(from, error);
      throw error;
    }
  }

  override send(to: string, message: PeerMessage): boolean {
    this.#watch.said(to, message);
    return super.send(to, message);
  }
}
