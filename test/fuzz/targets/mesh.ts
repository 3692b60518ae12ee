/** What streams of the mesh begin with: frames, hellos, errors, headers of bulk requests, addresses. */
import { checkAddress, dialAddresses, parseAddress } from "../../../src/mesh/addresses.ts";
import {
  decodeRemoteError,
  encodeRemoteError,
  packFields,
  versionField,
} from "../../../src/mesh/fields.ts";
import { encodeFrames, FrameDecoder } from "../../../src/mesh/framing.ts";
import { CONTROL_VERSION, decodeHello, encodeHello } from "../../../src/mesh/hello.ts";
import { BULK_REQUEST, bulkHeader, bulkRouter } from "../../../src/node/bulk-router.ts";
import { isJobxError } from "../../../src/std/errors.ts";
import { mutateBytes, pieces, randomBytes } from "../mutate-bytes.ts";
import { mutateText } from "../mutate-text.ts";
import type { Reach, Target } from "../target.ts";
import { cuts } from "./runs.ts";

/** Small, so that lengths above it come up; the decoder is the same with any bound. */
const PAYLOAD_BYTES_MAX = 4096;

/** What a decoder of the mesh may say of bytes. @throws {unknown} anything else. */
function refusal(error: unknown, framing: readonly string[]): Reach {
  if (!isJobxError(error)) throw error;
  if (error.code === "MESH_VERSION_UNKNOWN") return "version";
  if (!error.code.startsWith("MESH_FRAME_")) throw error;
  return framing.includes(error.code) ? "cut" : "refused";
}

const frames = [
  encodeFrames([{ kind: 0, payload: encodeHello("ab".repeat(16)) }]),
  encodeFrames([
    { kind: 0, payload: encodeHello("00".repeat(16)) },
    { kind: 1, payload: Buffer.from("a message") },
    { kind: 2, payload: new Uint8Array() },
  ]),
  encodeFrames([{ kind: 255, payload: encodeRemoteError({ code: "A_B", message: "no" }) }]),
];

const framingTarget: Target = {
  name: "mesh-framing",
  reads: ["mesh/framing.ts"],
  make: (chance) => mutateBytes(chance.pick(frames), chance, frames),
  take(bytes) {
    const decoder = new FrameDecoder(PAYLOAD_BYTES_MAX);
    let seen = 0;
    try {
      for (const piece of pieces(bytes, cuts(bytes))) decoder.push(piece, () => (seen += 1));
      return seen > 0 ? "accepted" : "cut";
    } catch (error) {
      refusal(error, []);
      return seen > 0 ? "refused" : "cut";
    }
  },
};

const hellos = [encodeHello("ab".repeat(16)), encodeHello("ff".repeat(16))];

const helloTarget: Target = {
  name: "mesh-hello",
  reads: ["mesh/hello.ts", "mesh/fields.ts"],
  make(chance) {
    if (chance.hits(0.4)) {
      const version = chance.hits(0.2) ? chance.whole(0, 65_535) : CONTROL_VERSION;
      return packFields([versionField(version), randomBytes(chance, 20)]);
    }
    return mutateBytes(chance.pick(hellos), chance, hellos);
  },
  take(bytes) {
    try {
      decodeHello(bytes);
      return "accepted";
    } catch (error) {
      return refusal(error, []);
    }
  },
};

const errors = [
  encodeRemoteError({ code: "MESH_JOIN_REFUSED", message: "the ticket is unknown" }),
  encodeRemoteError({ code: "A", message: "" }),
];

const remoteErrorTarget: Target = {
  name: "mesh-error",
  reads: ["mesh/fields.ts"],
  make(chance) {
    if (chance.hits(0.5)) return packFields([randomBytes(chance, 8), randomBytes(chance)]);
    return mutateBytes(chance.pick(errors), chance, errors);
  },
  take(bytes) {
    try {
      decodeRemoteError(bytes);
      return "accepted";
    } catch (error) {
      return refusal(error, []);
    }
  },
};

const headers = [
  bulkHeader("block", Buffer.from("ab".repeat(32))),
  bulkHeader("snapshot", Uint8Array.of(0x92, 1, 0x93, 3, 0xa1, 0x61, 0xc0)),
  bulkHeader("members", new Uint8Array()),
];

async function* noChunks(): AsyncGenerator<Uint8Array> {}

const router = bulkRouter({ block: noChunks, snapshot: noChunks, members: noChunks });

const bulkTarget: Target = {
  name: "bulk-header",
  reads: ["node/bulk-router.ts"],
  make: (chance) => mutateBytes(chance.pick(headers), chance, headers),
  take(bytes) {
    try {
      router("node", bytes, new AbortController().signal);
      return "accepted";
    } catch (error) {
      if (!isJobxError(error) || error.code !== "BULK_REQUEST_UNKNOWN") throw error;
      const known: readonly (number | undefined)[] = Object.values(BULK_REQUEST);
      if (known.includes(bytes[0])) throw error;
      return "cut";
    }
  },
};

const NODE = "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5";
const ADDRESSES = [
  ...["/ip4/192.0.2.1/tcp/7071", "/ip6/2001:db8::1/tcp/1", "/dns4/a.example/tcp/7071"],
  ...[`/ip4/192.0.2.1/tcp/7071/p2p/${NODE}`, "/ip4/192.0.2.1/udp/1/quic-v1", "/unix/a%2Fb"],
];
const ADDRESS_WORDS = ["/", "/p2p/", "/tcp/", "99999", "-1", "/ip4/", "/ip6zone/", "%", "//", "é"];

function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch {
    return false;
  }
}

const addressTarget: Target = {
  name: "mesh-addresses",
  reads: ["mesh/addresses.ts"],
  make(chance) {
    const address = chance.pick(ADDRESSES);
    const at = chance.whole(0, address.length);
    const mutant = chance.hits(0.5)
      ? address.slice(0, at) + chance.pick(ADDRESS_WORDS) + address.slice(chance.whole(at, 60))
      : mutateText(address, chance);
    return Buffer.from(mutant);
  },
  take(bytes) {
    const address = Buffer.from(bytes).toString();
    const many = Array.from({ length: 9 }, () => "/ip4/192.0.2.9/tcp/1");
    const known = dialAddresses(NODE, [address, ...many.slice(0, bytes.length % 9)]);
    try {
      checkAddress(address, "listen");
      checkAddress(address, "advertise");
      return known.length > 0 ? "accepted" : "refused";
    } catch (error) {
      if (!isJobxError(error) || error.code !== "MESH_ADDRESS_INVALID") throw error;
      return isAddress(address) ? "refused" : "cut";
    }
  },
};

export const meshTargets: readonly Target[] = [
  framingTarget,
  helloTarget,
  remoteErrorTarget,
  bulkTarget,
  addressTarget,
];
