import { once } from "node:events";
import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { VolumeReader } from "./volume-reader.ts";

const NEVER = new AbortController().signal;

interface VolumeFile {
  text: string;
  cid: string;
}

/** A node's API with one file, which a test changes. */
async function reading(file: VolumeFile) {
  const server = createServer((request, response) => {
    if (request.url?.includes("/fs/stat") === true) {
      const told = { type: "file", bytes: file.text.length, inode: 2, revision: 3, cid: file.cid };
      response.end(JSON.stringify(told));
      return;
    }
    const tag = `"${file.cid}"`;
    const isKnown = request.headers["if-none-match"] === tag;
    response.writeHead(isKnown ? 304 : 200, { etag: tag });
    response.end(isKnown ? "" : file.text);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it does not listen");
  const url = `http://127.0.0.1:${address.port}`;
  return new VolumeReader({ url, workflow: "w", token: "t" });
}

async function listedOf(reader: VolumeReader) {
  for await (const { object } of reader.list({ type: "volume", path: "f" }, undefined, NEVER)) {
    if (object !== undefined) return object;
  }
  throw new Error("nothing was listed");
}

test("a file that is another one under the same inode and revision has another version", async () => {
  const file = { text: "old", cid: "cid1" };
  const reader = await reading(file);
  const before = await listedOf(reader);
  file.cid = "cid2";
  expect([before.version, (await listedOf(reader)).version]).toEqual(["cid1", "cid2"]);
});

test("a file that has changed since it was listed is given as it is now", async () => {
  const file = { text: "old", cid: "cid1" };
  const reader = await reading(file);
  const object = await listedOf(reader);
  Object.assign(file, { text: "newer", cid: "cid2" });
  const opened = await reader.open(object, undefined, NEVER);
  expect(opened?.version).toBe("cid2");
  expect(opened?.bytes ?? "newer".length).toBe("newer".length);
  let text = "";
  for await (const chunk of opened?.content ?? []) text += Buffer.from(chunk).toString();
  expect(text).toBe("newer");
  // What is here already is not sent again.
  expect(await reader.open(object, "cid2", NEVER)).toBeUndefined();
});
