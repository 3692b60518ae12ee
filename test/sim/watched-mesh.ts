/** What a simulated node says and hears, before it is encoded and after it was decoded. */
import type { MeshListener, PeerMessage } from "../../src/actors/ports.ts";
import { FrameMesh } from "../../src/node/frame-mesh.ts";

/** Who listens. */
export interface MeshWatch {
  heard(from: string, message: PeerMessage): void;
  said(to: string, message: PeerMessage): void;
}

/** The program's own mesh, with somebody who listens. */
export class WatchedMesh extends FrameMesh {
  readonly #watch: MeshWatch;

  constructor(self: string, watch: MeshWatch) {
    super(self);
    this.#watch = watch;
  }

  override listen(listener: MeshListener): void {
    super.listen({
      message: (from, message) => {
        this.#watch.heard(from, message);
        listener.message(from, message);
      },
      peerUp: (node) => listener.peerUp(node),
      peerDown: (node) => listener.peerDown(node),
    });
  }

  override send(to: string, message: PeerMessage): boolean {
    this.#watch.said(to, message);
    return super.send(to, message);
  }
}
