/** What a node knows at this moment of the others: who can be reached, who may lead a group, and who leads none. */
import type { NodeId } from "../scheduler/dataset.ts";
import type { Directory } from "./directory.ts";
import type { AnyReplica } from "./group-host.ts";
import { voterNodes } from "./membership.ts";
import type { MeshPort } from "./ports.ts";
import { isFitToLead, mayLead, whyUnled } from "./whom-to-ask.ts";

export interface OutlookDeps {
  readonly mesh: Pick<MeshPort, "self" | "isUp">;
  readonly directory: Directory;
  /** Nodes that belonged to the cluster when this one last knew. */
  readonly seeds: readonly NodeId[];
  /** The group's replica on this node. */
  readonly replica: (group: number) => Pick<AnyReplica, "leaderNode" | "membership"> | undefined;
  /** Who answered as the group's leader last. */
  readonly answeredFor: (group: number) => NodeId | undefined;
  readonly clockAheadMs: (node: NodeId) => number | undefined;
}

export class Outlook {
  readonly #deps: OutlookDeps;
  /** Reached in this run of the program, and not any more; at most as many as ever were members. */
  readonly #gone = new Set<NodeId>();

  constructor(deps: OutlookDeps) {
    this.#deps = deps;
  }

  /** Whether a node can be reached, as this one can. */
  isUp(node: NodeId): boolean {
    return node === this.#deps.mesh.self || this.#deps.mesh.isUp(node);
  }

  cameUp(node: NodeId): void {
    this.#gone.delete(node);
  }

  wentDown(node: NodeId): void {
    this.#gone.add(node);
  }

  /**
   * Whether a node is known to have gone. One that this run of the program has not reached yet may be
   * well: a node that has just started and leads at once would take all others for dead.
   */
  readonly hasGone = (node: NodeId): boolean => this.#gone.has(node);

  /** Whether a node may be handed leadership. */
  readonly isFitToLead = (node: NodeId): boolean =>
    this.isUp(node) &&
    isFitToLead(this.#deps.directory.member(node), this.#deps.clockAheadMs(node));

  /** The name of a member, else its id. */
  nameOf(node: NodeId): string {
    return this.#deps.directory.member(node)?.name ?? node;
  }

  /** Nodes that may lead the group, the likeliest first. */
  candidates(group: number): readonly NodeId[] {
    const { mesh, directory, seeds, replica, answeredFor } = this.#deps;
    const here = replica(group);
    const members = directory.members().map(({ node }) => node);
    return mayLead({
      led: here?.leaderNode ?? answeredFor(group),
      places: here?.membership.places ?? directory.workflow(group)?.replicas ?? [],
      self: mesh.self,
      others: [...members, ...seeds],
    });
  }

  /** Workflows there may be work of, with whom to ask for it. */
  workflows(): readonly { readonly group: number; readonly candidates: readonly NodeId[] }[] {
    return this.#deps.directory
      .workflows()
      .map(({ group }) => ({ group, candidates: this.candidates(group) }));
  }

  /** Why nobody who leads the group was found; `named` as in `whyUnled`. */
  whyUnled(group: number, named: ReadonlyMap<NodeId, NodeId>): string {
    const { mesh, directory, replica } = this.#deps;
    const here = replica(group)?.membership;
    const first = directory.workflow(group)?.replicas.map(({ node }) => node) ?? [];
    return whyUnled({
      voters: here === undefined ? first : voterNodes(here),
      named,
      self: mesh.self,
      isUp: (node) => this.isUp(node),
      nameOf: (node) => this.nameOf(node),
    });
  }
}
