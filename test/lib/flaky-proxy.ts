/** A TCP proxy on loopback that now and then breaks a connection off in the middle of an answer, or is slow. */
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";

/** To be closed by whoever started it. */
export class FlakyProxy {
  readonly #server: Server;
  #connections = 0;
  /** Connections that were broken off. */
  broken = 0;

  /** Use `start`. `everyNth` connection is cut once its answer has so many bytes. */
  constructor(target: number, cut: { readonly everyNth: number; readonly afterBytes: number }) {
    this.#server = createServer((socket) => {
      this.#connections += 1;
      const isCut = this.#connections % cut.everyNth === 0;
      const upstream = connect(target, "127.0.0.1");
      let bytes = 0;
      socket.on("error", () => upstream.destroy());
      upstream.on("error", () => socket.destroy());
      socket.pipe(upstream);
      upstream.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (isCut && bytes > cut.afterBytes) {
          this.broken += 1;
          socket.destroy();
          upstream.destroy();
        } else socket.write(chunk);
      });
      upstream.on("end", () => socket.end());
      socket.on("close", () => upstream.destroy());
    });
  }

  static async start(
    target: number,
    cut: { readonly everyNth: number; readonly afterBytes: number },
  ): Promise<FlakyProxy> {
    const proxy = new FlakyProxy(target, cut);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get endpoint(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("it does not listen");
    return `http://127.0.0.1:${address.port}`;
  }

  close(): void {
    this.#server.close();
  }
}
