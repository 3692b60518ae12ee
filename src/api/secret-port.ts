/** Secrets of workflows: they can be set and removed, and what is told of them is never their values. */
import type { CallOptions } from "./call-options.ts";

export interface SecretAt {
  readonly workflow: string;
  readonly name: string;
}

export interface SecretView {
  readonly name: string;
  /** Of its value. */
  readonly bytes: number;
  /** When its value was set, ISO 8601. */
  readonly set: string;
}

export interface SecretsView {
  readonly workflow: string;
  readonly secrets: readonly SecretView[];
}

/** What values are sealed with for a workflow. */
export interface PublicKeyView {
  readonly workflow: string;
  /** The 32 bytes of an X25519 key, base64url. */
  readonly publicKey: string;
}

/** All methods reject with `WORKFLOW_UNKNOWN`, and the codes of commands and reads. */
export interface SecretPort {
  list(at: { readonly workflow: string }, options: CallOptions): Promise<SecretsView>;
  /** In the place of the value that was there. Rejects with `SECRET_TOO_LARGE`, `SECRETS_FULL`, `FS_KEY_MISSING`. */
  set(at: SecretAt & { readonly value: string }, options: CallOptions): Promise<SecretView>;
  /** Made with the first call. Rejects with `FS_KEY_MISSING`. */
  publicKey(at: { readonly workflow: string }, options: CallOptions): Promise<PublicKeyView>;
  /** Rejects with `SECRET_UNKNOWN`. */
  remove(at: SecretAt, options: CallOptions): Promise<SecretAt>;
}
