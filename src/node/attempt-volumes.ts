/**
 * Lets the handlers that run on this node at the files of their workflow: each attempt has a token that only
 * this node honours, and only until its handlers have ended. So what is left of an attempt that was given up
 * can write nothing.
 */
import { randomBytes } from "node:crypto";
import type { VolumeAccess, VolumesPort } from "../actors/work-ports.ts";
import type { Principal } from "../api/ports.ts";

/** Random bytes of a token: nobody guesses it while it is good. */
const TOKEN_BYTES = 24;

/** Of the cluster's tokens none begins so. */
const PREFIX = "jobxattempt_";

export class AttemptVolumes implements VolumesPort {
  readonly #workflowOf: (group: number) => string | undefined;
  readonly #principals = new Map<string, Principal>();
  readonly #url: Promise<string>;
  #resolve: (url: string) => void = () => undefined;

  constructor(workflowOf: (group: number) => string | undefined) {
    this.#workflowOf = workflowOf;
    this.#url = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** The node's API answers here from now on; attempts that came before wait for that. */
  listens(url: string): void {
    this.#resolve(url);
  }

  async open(group: number): Promise<VolumeAccess | undefined> {
    const workflow = this.#workflowOf(group);
    if (workflow === undefined) return undefined;
    const url = await this.#url;
    const token = PREFIX + randomBytes(TOKEN_BYTES).toString("base64url");
    this.#principals.set(token, { role: "submit", workflows: [workflow], filesOnly: true });
    return { url, workflow, token };
  }

  close({ token }: VolumeAccess): void {
    this.#principals.delete(token);
  }

  /** What a token of an attempt allows; undefined for all other tokens. */
  principal(token: string): Principal | undefined {
    return this.#principals.get(token);
  }
}
