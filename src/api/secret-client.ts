/** Secrets of workflows, for programs. */
import { workflowPath } from "./client-paths.ts";
import type { PublicKeyView, SecretAt, SecretsView, SecretView } from "./secret-port.ts";
import type { Transport } from "./transport.ts";

/** All methods reject as those of `JobxClient`. */
export class SecretClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  list(workflow: string): Promise<SecretsView> {
    return this.#transport.call({
      ...{ method: "GET", path: `${workflowPath(workflow)}/secrets`, repeat: "always" },
    });
  }

  /** Setting the same twice is setting it. */
  set({ value, ...at }: SecretAt & { readonly value: string }): Promise<SecretView> {
    const call = { method: "PUT", path: pathOf(at), body: { value }, repeat: "always" } as const;
    return this.#transport.call(call);
  }

  /** What `sealValue` takes. */
  publicKey(workflow: string): Promise<PublicKeyView> {
    const path = `${workflowPath(workflow)}/seal/key`;
    return this.#transport.call({ method: "POST", path, repeat: "always" });
  }

  remove(at: SecretAt): Promise<SecretAt> {
    const call = { method: "DELETE", path: pathOf(at), repeat: "when-not-accepted" } as const;
    return this.#transport.call(call);
  }
}

function pathOf({ workflow, name }: SecretAt): string {
  return `${workflowPath(workflow)}/secrets/${encodeURIComponent(name)}`;
}
