/** What operators do to the fake cluster: notes the calls and answers from what it was given. */
import type {
  AdminPort,
  CollectedView,
  GroupView,
  RecoveryView,
  ReplicaStateView,
  TicketView,
  WantingView,
} from "../../src/api/admin-port.ts";
import type { CallOptions } from "../../src/api/ports.ts";
import { JobxError } from "../../src/std/errors.ts";

const TICKET: TicketView = {
  id: "t1",
  state: "open",
  usesLeft: 1,
  expiresAt: "2026-01-01T00:00:00Z",
  madeBy: "node-1",
};

const GROUP: GroupView = {
  group: 0,
  name: "system",
  led: true,
  term: 3,
  lastIndex: 17,
  commitIndex: 17,
  members: [{ node: "node-1", replica: 1, role: "leader", match: 17, active: true }],
  votersWanted: 1,
};

export class FakeAdmin implements AdminPort {
  readonly #called: (method: string, input: unknown, options: CallOptions) => void;
  readonly #tickets = new Map<string, TicketView>();

  groupViews: readonly GroupView[] = [GROUP];
  wanting: WantingView["volumes"] = [];

  constructor(called: (method: string, input: unknown, options: CallOptions) => void) {
    this.#called = called;
  }

  reset(): void {
    this.#tickets.clear();
    this.groupViews = [GROUP];
  }

  async createTicket(
    input: { readonly expiresMs: number; readonly uses: number },
    options: CallOptions,
  ): Promise<{ readonly id: string; readonly ticket: string }> {
    this.#called("createTicket", input, options);
    this.#tickets.set(TICKET.id, { ...TICKET, usesLeft: input.uses });
    return { id: TICKET.id, ticket: "jobx1-ticket" };
  }

  async tickets(options: CallOptions): Promise<readonly TicketView[]> {
    this.#called("tickets", {}, options);
    return [...this.#tickets.values()];
  }

  async drainNode(node: string, drained: boolean, options: CallOptions): Promise<void> {
    this.#called("drainNode", { node, drained }, options);
  }

  async removeNode(node: string, options: CallOptions): Promise<void> {
    this.#called("removeNode", { node }, options);
  }

  async groups(options: CallOptions): Promise<readonly GroupView[]> {
    this.#called("groups", {}, options);
    return this.groupViews;
  }

  async wantingBlocks(options: CallOptions): Promise<WantingView> {
    this.#called("wantingBlocks", {}, options);
    return { volumes: this.wanting, silent: [] };
  }

  async collectBlocks(
    input: { readonly dryRun: boolean },
    options: CallOptions,
  ): Promise<readonly CollectedView[]> {
    this.#called("collectBlocks", input, options);
    const gone = { blocks: 2, bytes: 2_000 };
    const nothing = { blocks: 0, bytes: 0 };
    return [
      {
        ...{
          node: "node-1",
          answered: true,
          blocks: 7,
          needed: 5,
          uncertain: nothing,
          trouble: "",
        },
        ...(input.dryRun
          ? { waiting: gone, deleted: nothing }
          : { waiting: nothing, deleted: gone }),
      },
    ];
  }

  replicas(): readonly ReplicaStateView[] {
    const about = { group: 0, name: "system", term: 3, appliedIndex: 17, stateHash: "00ff" };
    return [
      { ...about, replica: 1, role: "leader", reason: null },
      { ...about, group: 1, name: "text", replica: null, role: "stopped", reason: "rows differ" },
    ];
  }

  async recoverGroup(
    input: { readonly group: string; readonly acceptLoss: boolean },
    options: CallOptions,
  ): Promise<RecoveryView> {
    this.#called("recoverGroup", input, options);
    return {
      ...{ group: 0, name: "system", recovered: input.acceptLoss, survivor: "node-1" },
      ...{ lastIndex: 17, appliedIndex: 15 },
      lost: [
        { node: "node-2", replica: 2, votes: true },
        { node: "node-3", replica: 3, votes: true },
      ],
    };
  }

  async transfer(
    input: { readonly group: string; readonly node: string },
    options: CallOptions,
  ): Promise<void> {
    this.#called("transfer", input, options);
  }

  async revokeTicket(id: string, options: CallOptions): Promise<void> {
    this.#called("revokeTicket", id, options);
    const ticket = this.#tickets.get(id);
    if (ticket === undefined) throw new JobxError({ code: "TICKET_UNKNOWN" }, "no such ticket");
    this.#tickets.set(id, { ...ticket, state: "revoked" });
  }
}
