/** Calls of other nodes, each brought to the part of this node that answers it. */
import type { NodeId } from "../scheduler/dataset.ts";
import { unreachable } from "../std/assert.ts";
import { serveBlockCall } from "./block-calls.ts";
import type { Caller } from "./caller.ts";
import type { Collection } from "./collection/collection.ts";
import type { Executor } from "./executor.ts";
import { serveGroupCall } from "./group-calls.ts";
import type { GroupHost } from "./group-host.ts";
import type { GroupRecovery } from "./group-recovery.ts";
import type { ClusterNodeDeps } from "./node-deps.ts";
import { serveOutputCall } from "./output-calls.ts";
import type { Call, CallAnswer, MeshPort } from "./ports.ts";
import { serveReachCall } from "./reach.ts";
import type { RunCopies } from "./run-copies.ts";
import { SYSTEM_GROUP, type SystemGroup } from "./system-group.ts";
import type { RunnerPort, RunsPort } from "./work-ports.ts";
import type { WorkflowGroup } from "./workflow-group.ts";

/** The parts that answer. */
export interface CallParts {
  readonly mesh: MeshPort;
  readonly runs: RunsPort;
  readonly runner: RunnerPort;
  readonly executor: Executor;
  readonly host: GroupHost;
  readonly system: SystemGroup;
  readonly caller: Caller;
  readonly recovery: GroupRecovery;
  /** The workflow's group here, if it has a replica here. */
  readonly workflow: (group: number) => WorkflowGroup | undefined;
  readonly copies: RunCopies;
  readonly collection: Collection;
  readonly shortages: ClusterNodeDeps["shortages"];
}

/** Answers a call; rejects with what its part rejects with. */
export async function serveCall(from: NodeId, call: Call, parts: CallParts): Promise<CallAnswer> {
  const { host, system } = parts;
  switch (call.kind) {
    case "system-command":
      host.touch(SYSTEM_GROUP);
      return system.serve(call);
    case "group-status":
    case "transfer":
      return serveGroupCall(host, call);
    case "standing":
    case "recover-replica":
      return parts.recovery.serve(call);
    case "can-dial":
      return serveReachCall(parts.mesh, call);
    case "copy-run":
    case "hand-on-blocks":
    case "have-blocks":
    case "copy-blocks":
    case "store-blocks":
    case "take-blocks":
    case "verify-blocks":
    case "verify-store":
      return serveBlockCall(from, call, parts);
    case "run-references":
    case "held-rows":
    case "collect":
    case "rebuild-blocks":
    case "keep-blocks":
    case "drop-blocks":
      return parts.collection.serve(call);
    case "shortages":
      return { kind: "shortages", volumes: parts.shortages() };
    case "output":
      return serveOutputCall(call, parts);
    case "command":
    case "mount-command":
    case "told-command":
    case "tree-changes":
    case "read":
    case "wait":
    case "events": {
      const group = parts.workflow(call.group);
      if (group === undefined) return { kind: "not-scheduler", leader: undefined };
      host.touch(call.group);
      return group.serve(call);
    }
    default:
      return unreachable(call);
  }
}
