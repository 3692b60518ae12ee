// Proofs of a join ticket. The cluster keeps only a verifier; both sides show that they have it by a
// MAC over who talks to whom and a fresh nonce of each, so that a proof is of no use anywhere else.
import { createHmac, timingSafeEqual } from "node:crypto";
import { assert } from "../std/assert.ts";
import { packFields, versionField } from "./fields.ts";
import type { NodeId } from "./ports.ts";

/** Version of the join protocol; it is part of every proof. */
export const JOIN_VERSION = 1;

/** Bytes of a nonce; random, so that none comes twice. */
export const NONCE_BYTES = 32;

/** Bytes of a proof and of a verifier (SHA-256). */
export const PROOF_BYTES = 32;

/** A ticket's secret must not be guessable, as whoever sees a proof can try secrets at leisure. */
export const SECRET_BYTES_MIN = 16;

const VERIFIER_LABEL = "jobx join ticket verifier 1";

/** What a proof is about. */
export interface ProofContext {
  readonly ticketId: string;
  readonly joiner: NodeId;
  readonly member: NodeId;
  readonly joinerNonce: Uint8Array;
  readonly memberNonce: Uint8Array;
}

/**
 * What the cluster stores of a ticket's secret: enough to check a proof and to give one, not enough
 * to print the ticket again. `secret` is random and at least `SECRET_BYTES_MIN` bytes.
 */
export function ticketVerifier(secret: Uint8Array): Uint8Array {
  assert(secret.length >= SECRET_BYTES_MIN, "a ticket's secret is long enough");
  return createHmac("sha256", VERIFIER_LABEL).update(secret).digest();
}

/** The proof that one side gives; the sides' labels differ, so that neither can be echoed. */
export function ticketProof(
  side: "joiner" | "member",
  verifier: Uint8Array,
  context: ProofContext,
): Uint8Array {
  const fields = packFields([
    Buffer.from(`jobx join proof of the ${side}`),
    versionField(JOIN_VERSION),
    Buffer.from(context.ticketId),
    Buffer.from(context.joiner),
    Buffer.from(context.member),
    context.joinerNonce,
    context.memberNonce,
  ]);
  return createHmac("sha256", verifier).update(fields).digest();
}

/** Whether two proofs are the same, in a time that does not tell where they differ. */
export function sameProof(given: Uint8Array, expected: Uint8Array): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}
