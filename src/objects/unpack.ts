/** Packed content as a stream of what is in it. Nothing is held but what is on its way. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import type { ObjectCompression } from "../wire/objects.ts";
import { ObjectError, saying } from "./errors.ts";

/** How content is packed; undefined for not at all. */
export type Packing = Exclude<ObjectCompression, "auto" | "none"> | undefined;

/** Characters of what a program says that are told. */
const SAID_LENGTH_MAX = 500;

/** Bytes of a file's name that are kept; the end tells what it is. */
const NAME_LENGTH_MAX = 200;

/** How an object is packed, as declared or by the end of its name. */
export function packingOf(name: string, declared: ObjectCompression): Packing {
  if (declared === "none") return undefined;
  if (declared !== "auto") return declared;
  const end = /\.(gz|xz|zst|bz2)$/u.exec(pathOf(name))?.[1];
  return end === "gz" || end === "xz" || end === "zst" || end === "bz2" ? end : undefined;
}

/** What the file of an object is called, unpacked. */
export function fileNameOf(name: string, packing: Packing): string {
  const base = basename(pathOf(name)).replaceAll("\0", "_");
  const plain =
    packing !== undefined && base.endsWith(`.${packing}`)
      ? base.slice(0, -packing.length - 1)
      : base;
  const cut = plain.slice(-NAME_LENGTH_MAX);
  return cut === "" || cut === "." || cut === ".." ? "object" : cut;
}

/** Without what follows the path of a URL. */
function pathOf(name: string): string {
  return /^https?:/u.test(name) && URL.canParse(name) ? new URL(name).pathname : name;
}

/**
 * What is in the content. To be read to the end or returned.
 * @throws {JobxError} `OBJECT_DAMAGED` where it is not what it is said to be, `OBJECT_NO_PROGRAM` where this
 * machine has no program for it; as `content`.
 */
export function unpack(
  content: AsyncIterable<Uint8Array>,
  of: { readonly packing: Packing; readonly object: string },
): AsyncIterable<Uint8Array> {
  const { packing, object } = of;
  switch (packing) {
    case undefined:
      return content;
    case "gz":
      return through(content, createGunzip(), object);
    case "zst":
      return through(content, createZstdDecompress(), object);
    case "xz":
      return program(content, { command: "xz", object });
    case "bz2":
      return program(content, { command: "bzip2", object });
  }
}

async function* through(
  content: AsyncIterable<Uint8Array>,
  unpacker: ReturnType<typeof createGunzip>,
  object: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const broken: Error[] = [];
  const source = Readable.from(noting(content, broken), { objectMode: false });
  // Its errors come out of the unpacker.
  source.on("error", (error) => unpacker.destroy(error));
  try {
    yield* source.pipe(unpacker);
  } catch (cause) {
    throw broken[0] ?? damaged(object, saying(cause), cause);
  } finally {
    source.destroy();
    unpacker.destroy();
  }
}

async function* program(
  content: AsyncIterable<Uint8Array>,
  of: { readonly command: string; readonly object: string },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { command, object } = of;
  const { PATH } = process.env;
  const child = spawn(command, ["-dc"], { stdio: "pipe", env: { PATH } });
  const ended = once(child, "close").catch((error: unknown) => [error]);
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-SAID_LENGTH_MAX);
  });
  const broken: Error[] = [];
  const fed = pipeline(noting(content, broken), child.stdin).catch(() => {
    // It reads no more: what it says itself counts.
  });
  try {
    yield* child.stdout;
    await fed;
    const [how]: readonly unknown[] = await ended;
    if (broken[0] !== undefined) throw broken[0];
    if (how instanceof Error) {
      const message = `${object} cannot be unpacked: this machine has no ${command}`;
      throw new ObjectError({ code: "OBJECT_NO_PROGRAM", object }, message, { cause: how });
    }
    if (how !== 0) throw damaged(object, said.trim() || `${command} ended with ${String(how)}`);
  } finally {
    child.kill("SIGKILL");
    child.stdin.destroy();
    await ended;
  }
}

/** The content; what it fails with is kept, since whoever reads it may tell only that it has ended. */
async function* noting(
  content: AsyncIterable<Uint8Array>,
  broken: Error[],
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* content;
  } catch (error) {
    broken.push(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

function damaged(object: string, said: string, cause?: unknown): ObjectError {
  const details = { code: "OBJECT_DAMAGED", object } as const;
  return new ObjectError(details, `${object} cannot be unpacked: ${said}`, { cause });
}
