/** Secrets of workflows at one node: sealed when they are set, opened for the attempts that run here. */

import { createPublicKey, hkdfSync, type KeyObject } from "node:crypto";
import type { Directory } from "../actors/directory.ts";
import type { SecretsPort } from "../actors/work-ports.ts";
import type { CallOptions } from "../api/call-options.ts";
import type {
  PublicKeyView,
  SecretAt,
  SecretPort,
  SecretsView,
  SecretView,
} from "../api/secret-port.ts";
import { SEAL_KEY_BYTES, type SealKey } from "../fs/seal.ts";
import { privateFromSeed } from "../mesh/exchange-key.ts";
import { SECRET_BYTES_MAX, type SealedSecret } from "../scheduler/system/rows.ts";
import { Deadline } from "../std/deadline.ts";
import type { Secrets } from "../wire/worker-protocol.ts";
import { ClusterError } from "./cluster-errors.ts";
import { pointOfKey } from "./seal/sealed-value.ts";
import { openSecret, sealSecret } from "./seal/secret-seal.ts";
import type { VolumeKeys } from "./seal/volume-keys.ts";
import { systemClock, systemWall } from "./system.ts";
import type { SystemView } from "./system-view.ts";
import type { WorkflowWriter } from "./workflow-writer.ts";

const UNSEAL_LABEL = "jobx unseal key 1";

/** How long an attempt waits for its secrets before it is given back, ms. */
const OPEN_MS_MAX = 10_000;

export interface WorkflowSecretsDeps {
  readonly node: { readonly directory: Pick<Directory, "secrets"> };
  readonly keys: Pick<VolumeKeys, "of" | "ensure">;
  readonly view: Pick<SystemView, "fresh" | "workflowNamed">;
  readonly writer: Pick<WorkflowWriter, "system">;
}

export class WorkflowSecrets implements SecretPort, SecretsPort {
  readonly #deps: WorkflowSecretsDeps;

  constructor(deps: WorkflowSecretsDeps) {
    this.#deps = deps;
  }

  async list(
    { workflow }: { readonly workflow: string },
    options: CallOptions,
  ): Promise<SecretsView> {
    const { view, node } = this.#deps;
    await view.fresh(options.deadline.leftMs());
    const { group } = await view.workflowNamed(workflow, options);
    return { workflow, secrets: node.directory.secrets(group).map(viewOf) };
  }

  async set(
    { workflow, name, value }: SecretAt & { readonly value: string },
    options: CallOptions,
  ): Promise<SecretView> {
    const { view, keys, writer } = this.#deps;
    const { deadline } = options;
    const bytes = Buffer.from(value);
    if (bytes.length > SECRET_BYTES_MAX) {
      const message = `a secret has at most ${SECRET_BYTES_MAX} bytes`;
      throw new ClusterError({ code: "SECRET_TOO_LARGE" }, message);
    }
    const { group } = await view.workflowNamed(workflow, options);
    await keys.ensure(group, deadline);
    const sealed = sealSecret(await keys.of(group, deadline), { group, name }, bytes);
    const size = bytes.length;
    bytes.fill(0);
    await writer.system({ kind: "put-secret", group, name, bytes: size, sealed }, deadline);
    return { name, bytes: size, set: new Date(systemWall.wallMs()).toISOString() };
  }

  async remove({ workflow, name }: SecretAt, options: CallOptions): Promise<SecretAt> {
    const { view, writer } = this.#deps;
    const { group } = await view.workflowNamed(workflow, options);
    await writer.system({ kind: "delete-secret", group, name }, options.deadline);
    return { workflow, name };
  }

  /**
   * The values for an attempt. @throws {ClusterError} `SECRET_UNKNOWN`, `SECRET_UNREADABLE`, `FS_KEY_MISSING`,
   * `NO_MAJORITY`.
   */
  async open(group: number, names: readonly string[]): Promise<Secrets> {
    const { keys, view } = this.#deps;
    const deadline = new Deadline(systemClock, OPEN_MS_MAX);
    // What was set at another node a moment ago is not unknown here.
    if (this.#missing(group, names) !== undefined) await view.fresh(deadline.leftMs());
    const missing = this.#missing(group, names);
    if (missing !== undefined) {
      const todo = `\`jobx secret set ${missing}\` gives it one`;
      const message = `the workflow has no secret ${missing}, which its handler names: ${todo}`;
      throw new ClusterError({ code: "SECRET_UNKNOWN", name: missing }, message);
    }
    const key = await keys.of(group, deadline);
    const opened = names.map((name) => {
      const value = openSecret(key, { group, name }, this.#find(group, name)?.sealed ?? EMPTY);
      if (value === undefined) {
        const message = `the secret ${name} cannot be opened: set it anew`;
        throw new ClusterError({ code: "SECRET_UNREADABLE", name }, message);
      }
      return [name, Buffer.from(value).toString("utf8")] as const;
    });
    return Object.fromEntries(opened);
  }

  async publicKey(
    { workflow }: { readonly workflow: string },
    options: CallOptions,
  ): Promise<PublicKeyView> {
    const { view, keys } = this.#deps;
    const { group } = await view.workflowNamed(workflow, options);
    await keys.ensure(group, options.deadline);
    const point = pointOfKey(createPublicKey(unsealKeyOf(await keys.of(group, options.deadline))));
    return { workflow, publicKey: point.toString("base64url") };
  }

  /** See the port. */
  async unsealKey(group: number): Promise<Uint8Array> {
    const key = await this.#deps.keys.of(group, new Deadline(systemClock, OPEN_MS_MAX));
    return unsealKeyOf(key).export({ format: "der", type: "pkcs8" });
  }

  #missing(group: number, names: readonly string[]): string | undefined {
    return names.find((name) => this.#find(group, name) === undefined);
  }

  #find(group: number, name: string): SealedSecret | undefined {
    return this.#deps.node.directory.secrets(group).find((one) => one.name === name);
  }
}

/** The private key for which values are sealed: it follows from the workflow's. */
function unsealKeyOf(key: SealKey): KeyObject {
  const seed = Buffer.from(hkdfSync("sha256", key, Buffer.alloc(0), UNSEAL_LABEL, SEAL_KEY_BYTES));
  const made = privateFromSeed(seed);
  seed.fill(0);
  return made;
}

const EMPTY = new Uint8Array();

function viewOf({ name, bytes, setMs }: SealedSecret): SecretView {
  return { name, bytes, set: new Date(setMs).toISOString() };
}
