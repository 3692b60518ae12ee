/**
 * The keys of workflows' volumes at one node. The system group's rows have them wrapped for each member; here
 * they are taken out when they are first wanted, and are nowhere else but in memory, as objects of the crypto
 * module, which do not print what they hold.
 */
import { createSecretKey, generateKeySync } from "node:crypto";
import { SEAL_KEY_BYTES, type SealKey } from "../../fs/seal.ts";
import type { SystemCommand } from "../../scheduler/system/commands.ts";
import type { MemberRow, SealKeyRow, WrappedKey } from "../../scheduler/system/rows.ts";
import { stays } from "../../scheduler/system/rows.ts";
import { isJobxError } from "../../std/errors.ts";
import type { NodeId } from "../../wire/dataset.ts";
import { type KeyUnwrapper, keyIdOf, wrapKey } from "./wrapped-key.ts";

export interface SealKeysDeps {
  readonly self: NodeId;
  readonly unwrapper: Pick<KeyUnwrapper, "unwrap">;
  readonly directory: {
    members(): readonly MemberRow[];
    sealKey(group: number): SealKeyRow | undefined;
  };
}

type WrapCommand = Extract<SystemCommand, { readonly kind: "seal-wrap" }>;

export class SealKeys {
  readonly #deps: SealKeysDeps;
  /** Keys that were taken out, by their ids. */
  readonly #known = new Map<string, SealKey>();

  constructor(deps: SealKeysDeps) {
    this.#deps = deps;
  }

  /** The key of a group's workflow; undefined where it has none, or this node was not given it. */
  find(group: number): SealKey | undefined {
    const row = this.#deps.directory.sealKey(group);
    if (row === undefined) return undefined;
    const known = this.#known.get(row.id);
    if (known !== undefined) return known;
    const own = row.wraps.find(({ node }) => node === this.#deps.self);
    const key = own && this.#deps.unwrapper.unwrap(own.wrapped, row.id);
    if (key !== undefined) this.#known.set(row.id, key);
    return key;
  }

  /** What gives a workflow a key, wrapped for all members that stay. */
  create(group: number): SystemCommand {
    const key = generateKeySync("aes", { length: 8 * SEAL_KEY_BYTES });
    const nodes = this.#deps.directory.members().filter(stays);
    const wraps = wrapsFor(
      key,
      nodes.map(({ node }) => node),
    );
    return { kind: "seal-key", group, id: keyIdOf(key), wraps };
  }

  /**
   * What brings a workflow's key back to the members that lack it, from its bytes; undefined when they are not
   * this workflow's key.
   */
  restore(group: number, bytes: Uint8Array): WrapCommand | undefined {
    const row = this.#deps.directory.sealKey(group);
    if (row === undefined || bytes.length !== SEAL_KEY_BYTES) return undefined;
    const key = createSecretKey(bytes);
    if (keyIdOf(key) !== row.id) return undefined;
    return { kind: "seal-wrap", group, id: row.id, wraps: wrapsFor(key, this.lacking(row)) };
  }

  /** Members that stay and were not given the key. */
  lacking({ wraps }: SealKeyRow): readonly NodeId[] {
    const having = new Set(wraps.map(({ node }) => node));
    return this.#deps.directory
      .members()
      .flatMap((member) => (stays(member) && !having.has(member.node) ? [member.node] : []));
  }
}

/** The key for each of the nodes; those whose ids are of no use for it are left out. */
export function wrapsFor(key: SealKey, nodes: readonly NodeId[]): readonly WrappedKey[] {
  return nodes.flatMap((node) => {
    try {
      return [{ node, wrapped: wrapKey(key, node) }];
    } catch (error) {
      if (isJobxError(error)) return [];
      throw error;
    }
  });
}
