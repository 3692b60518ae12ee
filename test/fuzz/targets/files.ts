/** The small files beside a node's databases. */
import { parseClusterFile } from "../../../src/node/cluster-file-text.ts";
import { hash64, hash64Text } from "../../../src/std/hash64.ts";
import { seededRandom } from "../../../src/std/random.ts";
import { StoreError } from "../../../src/store/errors.ts";
import { openIdentity } from "../../../src/store/identity.ts";
import { IDENTITY_NAME } from "../../../src/store/identity-file.ts";
import { MARK_SLOT_BYTES } from "../../../src/store/limits.ts";
import type { Disk } from "../../../src/store/ports.ts";
import { MARK_NAME, newMark, readMark } from "../../../src/store/sequence-mark.ts";
import { RECORD_HEADER_BYTES, sealRecord } from "../../../src/wire/record-bytes.ts";
import { mutateBytes } from "../mutate-bytes.ts";
import { mutateText } from "../mutate-text.ts";
import { jsonLeaf, mutateValue } from "../mutate-values.ts";
import type { Target } from "../target.ts";

const IDENTITY = {
  ...{ format: 2, clusterId: "c1", nodeId: "12D3KooWA", storeId: "ab".repeat(16), complete: true },
};

/** With the checksum that its text needs, so that what is mutated is looked at. */
function sealed(fields: unknown): string {
  if (typeof fields !== "object" || fields === null) return JSON.stringify(fields);
  const check = hash64Text(hash64(IDENTITY_NAME, Buffer.from(JSON.stringify(fields))));
  return JSON.stringify({ ...fields, check });
}

function none(): never {
  throw new Error("only one small file is read here");
}

function diskOf(bytes: Uint8Array, databases: boolean): Disk {
  return {
    // An empty input stands for no file; then whether there are databases decides.
    readSmall: () => Promise.resolve(bytes.length === 0 ? undefined : bytes),
    hasKv: () => Promise.resolve(databases),
    writeSmall: () => Promise.resolve(),
    ...{ openKv: none, createKv: none, setAside: none, openMark: none, createMark: none },
  };
}

const identityTarget: Target = {
  name: "identity-file",
  reads: ["store/identity-file.ts"],
  make(chance) {
    if (chance.hits(0.3)) return Buffer.from(mutateText(JSON.stringify(IDENTITY, null, 2), chance));
    if (chance.hits(0.01)) return new Uint8Array();
    if (chance.hits(0.1)) return Buffer.from(JSON.stringify(IDENTITY));
    const fields = mutateValue(IDENTITY, chance, jsonLeaf);
    return Buffer.from(chance.hits(0.1) ? JSON.stringify(fields) : sealed(fields));
  },
  async take(bytes) {
    try {
      const random = seededRandom(bytes.length);
      for (const databases of [false, true]) {
        const { clusterId, nodeId } = IDENTITY;
        await openIdentity(diskOf(bytes, databases), { clusterId, nodeId, random });
      }
      return "accepted";
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.code === "STORE_VERSION_UNKNOWN") return "version";
      if (error.code === "STORE_IDENTITY_MISMATCH") return "refused";
      if (error.code !== "STORE_DAMAGED") throw error;
      return error.cause === undefined ? "refused" : "cut";
    }
  },
};

const marks = [0, 1, 300, 2 ** 52].map((sequence) => newMark(sequence));

const markTarget: Target = {
  name: "mark-file",
  reads: ["store/sequence-mark.ts"],
  make(chance) {
    const mark = Uint8Array.from(chance.pick(marks));
    if (chance.hits(0.1)) return mutateBytes(mark, chance);
    const content = mark.subarray(1 + RECORD_HEADER_BYTES, 1 + (mark[0] ?? 0));
    const version = chance.hits(0.1) ? chance.whole(1, 255) : 1;
    const sealed = sealRecord(MARK_NAME, { version, content: mutateBytes(content, chance) });
    const slot = chance.pick([0, MARK_SLOT_BYTES]);
    mark[slot] = sealed.length;
    mark.set(sealed.subarray(0, MARK_SLOT_BYTES - 1), slot + 1);
    return mark;
  },
  async take(bytes) {
    const file = { read: () => Promise.resolve(bytes), write: none, close: none };
    const reading = await readMark(file);
    return reading.kind === "sequence" ? "accepted" : "refused";
  },
};

const CLUSTER = {
  ...{ format: 1, clusterId: "c1", founder: true, version: 1 },
  members: [{ node: "12D3KooWA", addresses: ["/ip4/127.0.0.1/tcp/1"] }],
};

const clusterTarget: Target = {
  name: "cluster-file",
  reads: ["node/cluster-file-text.ts"],
  make(chance) {
    if (chance.hits(0.4)) return Buffer.from(mutateText(JSON.stringify(CLUSTER, null, 2), chance));
    return Buffer.from(String(JSON.stringify(mutateValue(CLUSTER, chance, jsonLeaf))));
  },
  take(bytes) {
    const file = parseClusterFile(Buffer.from(bytes).toString("utf8"));
    return file === undefined ? "refused" : "accepted";
  },
};

export const fileTargets: readonly Target[] = [identityTarget, markTarget, clusterTarget];
