/** What stands for secrets in tests of what is in front of them. */
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import type { CallOptions } from "../../src/api/ports.ts";
import type {
  PublicKeyView,
  SecretAt,
  SecretPort,
  SecretsView,
  SecretView,
} from "../../src/api/secret-port.ts";
import { pointOfKey } from "../../src/node/seal/sealed-value.ts";
import { failure } from "./fake-paths.ts";

const SET = "2026-11-27T12:00:00.000Z";

export class FakeSecrets implements SecretPort {
  /** Of all workflows. */
  readonly values = new Map<string, string>();
  readonly unsealKey = generateKeyPairSync("x25519").privateKey;
  readonly point = pointOfKey(createPublicKey(this.unsealKey));
  readonly #told: (method: string, input: unknown, options: CallOptions) => void;

  constructor(told: (method: string, input: unknown, options: CallOptions) => void) {
    this.#told = told;
  }

  list(at: { readonly workflow: string }, options: CallOptions): Promise<SecretsView> {
    this.#told("secrets.list", at, options);
    const secrets = [...this.values].map(([name, value]) => viewOf(name, value));
    return Promise.resolve({ ...at, secrets });
  }

  set(at: SecretAt & { readonly value: string }, options: CallOptions): Promise<SecretView> {
    this.#told("secrets.set", at, options);
    this.values.set(at.name, at.value);
    return Promise.resolve(viewOf(at.name, at.value));
  }

  publicKey(at: { readonly workflow: string }, options: CallOptions): Promise<PublicKeyView> {
    this.#told("secrets.publicKey", at, options);
    return Promise.resolve({ ...at, publicKey: this.point.toString("base64url") });
  }

  remove(at: SecretAt, options: CallOptions): Promise<SecretAt> {
    this.#told("secrets.remove", at, options);
    if (!this.values.delete(at.name)) throw failure("SECRET_UNKNOWN");
    return Promise.resolve(at);
  }
}

function viewOf(name: string, value: string): SecretView {
  return { name, bytes: Buffer.byteLength(value), set: SET };
}
