/**
 * A file between two processes with nothing of ours: plain TCP, a sha256 of each MiB on both sides and, if asked
 * for, a synced file for each on the taking one. Run by itself this is the giving process: its argument is the file.
 */
import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";

const MIB = 1024 * 1024;

/** Ms until the whole file has come; `into` is a folder for what is kept. */
export async function plainTransfer(file: string, into: string | undefined): Promise<number> {
  const giver = fork(import.meta.filename, [file], { stdio: "inherit" });
  try {
    const port = await new Promise<number>((resolve, reject) => {
      giver.once("message", (message) => resolve(Number(message)));
      giver.once("exit", () => reject(new Error("the giving process ended")));
    });
    const began = performance.now();
    let parts: Buffer[] = [];
    let bytes = 0;
    let count = 0;
    const take = async (): Promise<void> => {
      const block = Buffer.concat(parts);
      [parts, bytes] = [[], 0];
      createHash("sha256").update(block).digest("hex");
      if (into !== undefined) await keep(join(into, `${count++}`), block);
    };
    for await (const part of connect(port, "127.0.0.1")) {
      if (!Buffer.isBuffer(part)) throw new Error("a socket gives bytes");
      parts.push(part);
      bytes += part.length;
      if (bytes >= MIB) await take();
    }
    await take();
    return performance.now() - began;
  } finally {
    giver.kill();
  }
}

async function keep(path: string, block: Uint8Array): Promise<void> {
  const file = await open(path, "w");
  await file.writeFile(block);
  await file.datasync();
  await file.close();
}

function give(file: string): void {
  const server = createServer((socket) => {
    void (async () => {
      const from = await open(file);
      for await (const block of from.createReadStream({ highWaterMark: MIB })) {
        if (!Buffer.isBuffer(block)) throw new Error("a file gives bytes");
        createHash("sha256").update(block).digest("hex");
        if (!socket.write(block)) await new Promise((resolve) => socket.once("drain", resolve));
      }
      socket.end();
    })();
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (typeof address === "object") process.send?.(address?.port);
  });
}

const [, program, file] = process.argv;
if (program === import.meta.filename && file !== undefined) give(file);
