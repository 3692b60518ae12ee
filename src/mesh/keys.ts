// The node's key: an Ed25519 private key in libp2p's protobuf form, in a file of its own.
import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import type { Ed25519PrivateKey } from "@libp2p/interface";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { meshError } from "./errors.ts";
import type { NodeId } from "./ports.ts";

/** Owner may read and write, nobody else anything. */
const KEY_MODE = 0o600;
const OTHERS_MODE_MASK = 0o077;

/**
 * The key in the file, or a new one written there first. Two callers at once get the same key. The
 * file is complete and synced before it appears under its name.
 * @throws {JobxError} `MESH_KEY_EXPOSED` when anyone but the owner may read the file,
 * `MESH_KEY_INVALID` when it is not an Ed25519 key.
 */
export async function loadOrCreateKey(path: string): Promise<Uint8Array> {
  const found = await loadKey(path);
  if (found !== undefined) return found;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const key = privateKeyToProtobuf(await generateKeyPair("Ed25519"));
  const temporary = `${path}.${randomBytes(8).toString("hex")}.tmp`;
  await writeSynced(temporary, key);
  try {
    // Unlike a rename, a link never replaces a key that another process made meanwhile.
    await link(temporary, path);
  } catch (thrown) {
    if (!hasCode(thrown, "EEXIST")) throw thrown;
  } finally {
    await unlink(temporary);
  }
  await syncFolder(dirname(path));
  const kept = await loadKey(path);
  if (kept === undefined)
    throw meshError({ code: "MESH_KEY_INVALID", path }, "the key file vanished");
  return kept;
}

/** The node id that belongs to a private key. @throws {JobxError} `MESH_KEY_INVALID` when it is none. */
export function peerIdOf(key: Uint8Array): NodeId {
  return peerIdFromPrivateKey(parseKey(key, "")).toString();
}

/** A key for libp2p. @throws {JobxError} `MESH_KEY_INVALID` unless it is an Ed25519 private key. */
export function parseKey(key: Uint8Array, path: string): Ed25519PrivateKey {
  try {
    const parsed = privateKeyFromProtobuf(key);
    if (parsed.type === "Ed25519") return parsed;
  } catch (cause) {
    throw meshError({ code: "MESH_KEY_INVALID", path }, "the node's key cannot be read", { cause });
  }
  throw meshError({ code: "MESH_KEY_INVALID", path }, "the node's key is not an Ed25519 key");
}

async function loadKey(path: string): Promise<Uint8Array | undefined> {
  try {
    const { mode } = await stat(path);
    if ((mode & OTHERS_MODE_MASK) !== 0) {
      throw meshError(
        { code: "MESH_KEY_EXPOSED", path, mode: (mode & 0o777).toString(8) },
        "the node's key may be read by others; set its mode to 600, or remove the node and its key if they may have read it",
      );
    }
    const key = await readFile(path);
    parseKey(key, path);
    return new Uint8Array(key);
  } catch (thrown) {
    if (hasCode(thrown, "ENOENT")) return undefined;
    throw thrown;
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx", KEY_MODE);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === code;
}
