/** Archives of images, and the names that are taken out of them. */
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { readTar } from "../api/tar/tar-reader.ts";
import { untagged } from "./untagged-archive.ts";

interface File {
  readonly name: string;
  readonly content?: string;
  readonly type?: string;
}

/** One file of a tar, as `docker save` writes it. */
function tarFile({ name, content = "", type = "0" }: File): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, length: number): string => value.toString(8).padStart(length, "0");
  header.write(name, 0, "latin1");
  header.write(`0000644\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100, "latin1");
  header.write(
    `${octal(Buffer.byteLength(content), 11)}\0${octal(0, 11)}\0        ${type}`,
    124,
    "latin1",
  );
  header.write("ustar\0" + "00", 257, "latin1");
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\0 `,
    148,
    "latin1",
  );
  const padding = Buffer.alloc((512 - (Buffer.byteLength(content) % 512)) % 512);
  return Buffer.concat([header, Buffer.from(content), padding]);
}

function tarOf(...files: readonly File[]): Buffer {
  return Buffer.concat([...files.map(tarFile), Buffer.alloc(1024)]);
}

/** The files that are left, whatever pieces the bytes come in. */
async function left(tar: Buffer, pieceBytes: number): Promise<Readonly<Record<string, string>>> {
  const pieces: Buffer[] = [];
  for (let at = 0; at < tar.length; at += pieceBytes) {
    pieces.push(tar.subarray(at, at + pieceBytes));
  }
  const files: Record<string, string> = {};
  for await (const entry of readTar(untagged(Readable.from(pieces)))) {
    if (entry.kind !== "file") continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry.content) chunks.push(chunk);
    files[entry.path] = Buffer.concat(chunks).toString("utf8");
  }
  return files;
}

const MANIFEST = [{ Config: "ab.json", RepoTags: ["busybox:latest"], Layers: ["l/layer.tar"] }];
const INDEX = {
  schemaVersion: 2,
  manifests: [
    { digest: "sha256:1", annotations: { "io.containerd.image.name": "busybox:latest" } },
  ],
};

test.each([1, 511, 512, 1 << 20])(
  "names go, all else stays, in pieces of %i bytes",
  async (bytes) => {
    const layer = "x".repeat(1300);
    const tar = tarOf(
      { name: "l/layer.tar", content: layer },
      { name: "./manifest.json", content: JSON.stringify(MANIFEST) },
      { name: "index.json", content: JSON.stringify(INDEX) },
      { name: "repositories", content: '{"busybox":{"latest":"l"}}' },
      { name: "ab.json", content: "{}" },
    );
    const files = await left(tar, bytes);
    expect(JSON.stringify(files)).not.toContain("busybox");
    expect(files["l/layer.tar"]).toBe(layer);
    expect(files["ab.json"]).toBe("{}");
    expect(JSON.parse(files["manifest.json"] ?? "")).toEqual([
      { Config: "ab.json", RepoTags: null, Layers: ["l/layer.tar"] },
    ]);
    expect(JSON.parse(files["index.json"] ?? "")).toEqual({
      schemaVersion: 2,
      manifests: [{ digest: "sha256:1" }],
    });
  },
);

test.each([
  ["a manifest below a folder, which may be a link", { name: "d/manifest.json", content: "[]" }],
  ["a link for a manifest", { name: "manifest.json", type: "2" }],
  ["a name that is in a record", { name: "p", type: "x", content: "22 path=manifest.json\n" }],
  ["a longer name", { name: "@", type: "L", content: "manifest.json" }],
  ["a sparse file", { name: "manifest.json", type: "S" }],
  ["a file outside", { name: "../manifest.json", content: "[]" }],
  ["a manifest that is no JSON", { name: "manifest.json", content: "x" }],
])("an archive with %s is refused", async (_what, file) => {
  await expect(left(tarOf(file), 512)).rejects.toMatchObject({ code: "CONTAINER_IMAGE_INVALID" });
});

test.each([
  ["is none", Buffer.alloc(4096, 7)],
  ["is cut", tarOf({ name: "a", content: "x".repeat(600) }).subarray(0, 700)],
])("an archive that %s is refused", async (_what, bytes) => {
  await expect(left(bytes, 512)).rejects.toMatchObject({ code: "CONTAINER_IMAGE_INVALID" });
});
