import { createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import {
  generateKeyPair,
  generateKeyPairFromSeed,
  privateKeyToProtobuf,
} from "@libp2p/crypto/keys";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { expect, test } from "vitest";
import {
  privateExchangeKey,
  privateFromSeed,
  publicExchangeKey,
  publicFromPoint,
} from "./exchange-key.ts";

/** The 32 bytes of a public key. */
const rawOf = (key: KeyObject): string =>
  key.export({ format: "der", type: "spki" }).subarray(-32).toString("hex");

/** A seed and what libsodium's test of its conversion (ed25519_convert) has for it. */
const SEED = Buffer.from("421151a459faeade3d247115f94aedae42318124095afabe4d1451a559faedee", "hex");
const CONVERTED = "f1814f0e8ff1043d8a44d25babff3cedcae6c22c3edaa48f857ae70de2baae50";

test("the key of a seed is the one that libsodium converts it to", async () => {
  expect(rawOf(createPublicKey(privateFromSeed(SEED)))).toBe(CONVERTED);
  const signing = await generateKeyPairFromSeed("Ed25519", SEED);
  expect(rawOf(publicFromPoint(signing.publicKey.raw))).toBe(CONVERTED);
});

test("both halves of any node's key belong together, and agree with another's", async () => {
  for (let count = 0; count < 20; count += 1) {
    const [own, other] = [await generateKeyPair("Ed25519"), await generateKeyPair("Ed25519")];
    const [ownId, otherId] = [own, other].map((key) => peerIdFromPrivateKey(key).toString());
    const privateKey = privateExchangeKey(privateKeyToProtobuf(own));
    expect(rawOf(publicExchangeKey(ownId ?? ""))).toBe(rawOf(createPublicKey(privateKey)));
    const here = diffieHellman({ privateKey, publicKey: publicExchangeKey(otherId ?? "") });
    const there = diffieHellman({
      privateKey: privateExchangeKey(privateKeyToProtobuf(other)),
      publicKey: publicExchangeKey(ownId ?? ""),
    });
    expect(here).toEqual(there);
  }
});

test("what is no node's key is refused with a code", async () => {
  const other = await generateKeyPair("secp256k1");
  expect(() => privateExchangeKey(privateKeyToProtobuf(other))).toThrow(
    expect.objectContaining({ code: "MESH_KEY_INVALID" }),
  );
  for (const id of [peerIdFromPrivateKey(other).toString(), "n1", ""]) {
    expect(() => publicExchangeKey(id), id).toThrow(
      expect.objectContaining({ code: "MESH_KEY_INVALID" }),
    );
  }
});
