import { describe, expect, it } from "vitest";
import { seededRandom } from "../std/random.ts";
import { dialAddresses, endpointOf, parseAddress } from "./addresses.ts";
import { QUICK_PERIOD_MS, REDIAL_MAX_MS, REDIAL_QUICK_MAX_MS, redialDelayMs } from "./backoff.ts";
import { decodeRemoteError, encodeRemoteError, packFields, unpackFields } from "./fields.ts";
import { Membership } from "./membership.ts";
import { StallWatch } from "./stall-watch.ts";
import { ticketProof, ticketVerifier } from "./ticket.ts";

describe("redials", () => {
  it("stay within half a second while a restart is likely, and within the bound later", () => {
    const random = seededRandom(3);
    for (let failures = 1; failures < 2_000; failures += 1) {
      expect(redialDelayMs(failures, 0, random)).toBeLessThanOrEqual(REDIAL_QUICK_MAX_MS);
      expect(redialDelayMs(failures, QUICK_PERIOD_MS, random)).toBeLessThanOrEqual(REDIAL_MAX_MS);
    }
    expect(redialDelayMs(500, QUICK_PERIOD_MS, random)).toBeGreaterThanOrEqual(REDIAL_MAX_MS / 2);
  });
});

describe("a stalled loop", () => {
  it("is told from the passing of time", () => {
    const watch = new StallWatch(500, 0);
    expect(watch.tick(500)).toBe(0);
    expect(watch.tick(1_000)).toBe(0);
    expect(watch.tick(9_500)).toBe(8_000);
    expect(watch.tick(10_000)).toBe(0);
  });
});

describe("fields", () => {
  it("are read back, and refused when there are more or fewer", () => {
    const packed = packFields([Buffer.from("one"), Buffer.from("")]);
    expect(unpackFields(packed, 2).map((field) => Buffer.from(field).toString())).toEqual([
      "one",
      "",
    ]);
    for (const [bytes, count] of [
      [packed, 1],
      [packed, 3],
      [packed.subarray(1), 2],
      [packed.subarray(0, 5), 1],
    ] as const) {
      expect(() => unpackFields(bytes, count)).toThrow(
        expect.objectContaining({ code: "MESH_FRAME_MALFORMED" }),
      );
    }
  });

  it("of an error carry its code and a bounded message", () => {
    const error = decodeRemoteError(
      encodeRemoteError({ code: "FS_FULL", message: "é".repeat(5_000) }),
    );
    expect(error.details).toEqual({ code: "MESH_REMOTE_ERROR", remoteCode: "FS_FULL" });
    expect(error.message.length).toBeLessThanOrEqual(1_024);
    expect(() => decodeRemoteError(encodeRemoteError({ code: "<b>", message: "" }))).toThrow(
      expect.objectContaining({ code: "MESH_FRAME_MALFORMED" }),
    );
  });
});

describe("addresses of a member", () => {
  const node = "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5";
  const other = "12D3KooWJRSrypvnpHgc6ZAgyCni4KcSmbV7uGRaMw5LgMKT18fq";

  it("get its id, and are left out when unreadable or another node's", () => {
    const given = [
      "/ip4/10.0.0.1/tcp/4",
      `/ip4/10.0.0.1/tcp/5/p2p/${node}`,
      `/ip4/10.0.0.1/tcp/6/p2p/${other}`,
      "nonsense",
    ];
    expect(dialAddresses(node, given).map(String)).toEqual([
      `/ip4/10.0.0.1/tcp/4/p2p/${node}`,
      `/ip4/10.0.0.1/tcp/5/p2p/${node}`,
    ]);
  });

  it("have an endpoint when they are TCP", () => {
    expect(endpointOf(parseAddress("/dns4/host.example/tcp/4"))).toEqual({
      host: "host.example",
      port: 4,
    });
    expect(endpointOf(parseAddress("/ip4/10.0.0.1/udp/4"))).toBeUndefined();
  });
});

describe("membership", () => {
  it("revokes who is removed, until it is added again", () => {
    const membership = new Membership();
    membership.replace(new Set(["a", "b"]), ["z"]);
    membership.replace(new Set(["b"]), []);
    expect([membership.has("a"), membership.isRevoked("a"), membership.isRevoked("z")]).toEqual([
      false,
      true,
      true,
    ]);
    membership.replace(new Set(["a"]), []);
    expect([membership.has("a"), membership.isRevoked("a"), membership.isRevoked("b")]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe("a ticket's proof", () => {
  const context = {
    ticketId: "t",
    joiner: "j",
    member: "m",
    joinerNonce: Buffer.alloc(32, 1),
    memberNonce: Buffer.alloc(32, 2),
  };
  const verifier = ticketVerifier(Buffer.alloc(32, 9));

  it("differs with the side, the secret and every part of the exchange", () => {
    const proofs = [
      ticketProof("joiner", verifier, context),
      ticketProof("member", verifier, context),
      ticketProof("joiner", ticketVerifier(Buffer.alloc(32, 8)), context),
      ticketProof("joiner", verifier, { ...context, ticketId: "t2" }),
      ticketProof("joiner", verifier, { ...context, joiner: "jm", member: "" }),
      ticketProof("joiner", verifier, { ...context, joiner: "m", member: "j" }),
      ticketProof("joiner", verifier, { ...context, joinerNonce: context.memberNonce }),
      ticketProof("joiner", verifier, { ...context, memberNonce: context.joinerNonce }),
    ];
    expect(new Set(proofs.map((proof) => Buffer.from(proof).toString("hex"))).size).toBe(
      proofs.length,
    );
  });

  it("does not show the secret in the verifier", () => {
    expect(Buffer.from(verifier).equals(Buffer.alloc(32, 9))).toBe(false);
  });
});
