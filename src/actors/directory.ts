/**
 * The system group's rows as this node has applied them: who belongs to the cluster, which workflows
 * there are. Every node has one; it may be a moment old.
 */
import type { SystemEffect } from "../scheduler/system/effect.ts";
import { CLUSTER_KEY, systemKeys } from "../scheduler/system/keys.ts";
import type {
  ClusterRow,
  MemberRow,
  SealedSecret,
  SealKeyRow,
  SystemRow,
  TicketRow,
  TokenRow,
  WorkflowRow,
} from "../scheduler/system/rows.ts";

export class Directory {
  readonly #rows = new Map<string, SystemRow>();
  /** Lists as they were last asked for, until a row changes. */
  #everybody: readonly MemberRow[] | undefined;
  #members: readonly MemberRow[] | undefined;
  #workflows: readonly WorkflowRow[] | undefined;

  /** Takes rows in as they were read at the start or applied since. */
  take(rows: readonly SystemEffect[]): void {
    for (const { key, row } of rows) {
      if (row === undefined) this.#rows.delete(key);
      else this.#rows.set(key, row);
    }
    this.#forgetLists();
  }

  /** Forgets everything, before all rows are taken in anew. */
  clear(): void {
    this.#rows.clear();
    this.#forgetLists();
  }

  get cluster(): ClusterRow | undefined {
    const row = this.#rows.get(CLUSTER_KEY);
    return row?.kind === "cluster" ? row : undefined;
  }

  /** Nodes that belong to the cluster now, by id; also those that are being removed. */
  members(): readonly MemberRow[] {
    this.#members ??= this.everybody().filter(({ state }) => state !== "removed");
    return this.#members;
  }

  /** Nodes that belong to the cluster or did, by id. */
  everybody(): readonly MemberRow[] {
    this.#everybody ??= [...this.#rows.values()]
      .flatMap((row) => (row.kind === "member" ? [row] : []))
      .sort((a, b) => (a.node < b.node ? -1 : 1));
    return this.#everybody;
  }

  /** Also those that were removed. */
  member(node: string): MemberRow | undefined {
    const row = this.#rows.get(systemKeys.member(node));
    return row?.kind === "member" ? row : undefined;
  }

  /** Also those that let nobody in any more, by id. */
  tickets(): readonly (TicketRow & { readonly id: string })[] {
    const prefix = systemKeys.ticket("");
    return [...this.#rows]
      .flatMap(([key, row]) =>
        row.kind === "ticket" ? [{ id: key.slice(prefix.length), ...row }] : [],
      )
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  ticket(id: string): TicketRow | undefined {
    const row = this.#rows.get(systemKeys.ticket(id));
    return row?.kind === "ticket" ? row : undefined;
  }

  token(hash: string): TokenRow | undefined {
    const row = this.#rows.get(systemKeys.token(hash));
    return row?.kind === "token" ? row : undefined;
  }

  /** All tokens, the newest last. */
  tokens(): readonly { readonly hash: string; readonly row: TokenRow }[] {
    const prefix = systemKeys.token("");
    const tokens = [...this.#rows].flatMap(([key, row]) =>
      row.kind === "token" ? [{ hash: key.slice(prefix.length), row }] : [],
    );
    return tokens.sort((a, b) => a.row.createdMs - b.row.createdMs);
  }

  /** Workflows that exist, by group. */
  workflows(): readonly WorkflowRow[] {
    this.#workflows ??= [...this.#rows.values()]
      .flatMap((row) => (row.kind === "workflow" && row.state !== "deleted" ? [row] : []))
      .sort((a, b) => a.group - b.group);
    return this.#workflows;
  }

  /** Also one that was deleted. */
  workflow(group: number): WorkflowRow | undefined {
    const row = this.#rows.get(systemKeys.workflow(group));
    return row?.kind === "workflow" ? row : undefined;
  }

  /** The living workflow of that name. */
  workflowNamed(name: string): WorkflowRow | undefined {
    return this.workflows().find((row) => row.name === name);
  }

  /** The key of a workflow's volume, as its nodes have it. */
  sealKey(group: number): SealKeyRow | undefined {
    const row = this.#rows.get(systemKeys.sealKey(group));
    return row?.kind === "seal-key" ? row : undefined;
  }

  /** Workflows whose volumes have a key, by group. */
  sealKeys(): readonly { readonly group: number; readonly row: SealKeyRow }[] {
    return this.workflows().flatMap(({ group }) => {
      const row = this.sealKey(group);
      return row === undefined ? [] : [{ group, row }];
    });
  }

  /** A workflow's secrets, sealed. */
  secrets(group: number): readonly SealedSecret[] {
    const row = this.#rows.get(systemKeys.secrets(group));
    return row?.kind === "secrets" ? row.secrets : [];
  }

  #forgetLists(): void {
    this.#everybody = undefined;
    this.#members = undefined;
    this.#workflows = undefined;
  }
}
