/** What of a workflow's archives reaches an engine. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Engine } from "./engine.ts";
import { ensureImage, pinImage } from "./image-keeper.ts";

const ID = `sha256:${"0a".repeat(32)}`;
const asked: string[] = [];
let folder = "";
let server: Server;
let engine: Engine;

/** An engine that has every name, and no id. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "jobx-keeper."));
  server = createServer((request, response) => {
    const { url = "" } = request;
    asked.push(url);
    const isId = decodeURIComponent(url).includes(ID);
    response.statusCode = isId ? 404 : 200;
    request.resume();
    request.on("end", () =>
      response.end(JSON.stringify({ Id: ID, RepoTags: [], RepoDigests: [] })),
    );
  });
  const path = join(folder, "engine.sock");
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  engine = new Engine({ kind: "socket", path });
});

afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

function keeperOf(idOf: string) {
  return {
    engine,
    archives: {
      idOf: () => Promise.resolve(idOf),
      open: () => Promise.resolve(Readable.from([Buffer.alloc(4096, 7)])),
    },
    login: () => Promise.resolve(undefined),
    call: { deadlineMs: 5_000 },
  };
}

test.each(["busybox:latest", "", `${ID}x`, ID.replace("0a", "0A"), "0a".repeat(32)])(
  "%j for the id of an image is refused before the engine is asked",
  async (id) => {
    asked.length = 0;
    await expect(pinImage("tools:1", keeperOf(id))).rejects.toMatchObject({
      code: "CONTAINER_IMAGE_UNAVAILABLE",
    });
    expect(asked).toEqual([]);
  },
);

test("an archive that cannot be looked through fails with its code, not with the engine's", async () => {
  await expect(ensureImage(ID, keeperOf(ID))).rejects.toMatchObject({
    code: "CONTAINER_IMAGE_INVALID",
  });
});
