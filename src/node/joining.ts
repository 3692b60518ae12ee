/** Both sides of joining above the mesh's proof: who is admitted, and what a newcomer learns. */

import { SYSTEM_GROUP } from "../actors/system-group.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { Admission } from "../mesh/ports.ts";
import type { MemberInfo } from "../scheduler/system/commands.ts";
import { supports, unsupportedText } from "../scheduler/system/version-range.ts";
import { assert } from "../std/assert.ts";
import type { WallClock } from "../std/clock.ts";
import { errorText, isJobxError, JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import {
  type JoinAnswer,
  joinAnswerFormat,
  joinRequestFormat,
  type TicketText,
} from "../wire/join.ts";
import { accepted, ClusterError } from "./cluster-errors.ts";
import type { Composed } from "./compose.ts";
import { checkRoomForNode } from "./room.ts";
import { givenTicket } from "./ticket-file.ts";

/** Committing a membership may have to wait for an election. */
const ADMIT_MS = 20_000;

/** Decides about newcomers by this node's copy of the system group. */
export function admission(composed: () => Composed | undefined, wall: WallClock): Admission {
  return {
    verifier: (ticketId) => {
      const ticket = composed()?.node.directory.ticket(ticketId);
      const open =
        ticket !== undefined &&
        !ticket.revoked &&
        ticket.usesLeft > 0 &&
        ticket.expiresMs > wall.wallMs();
      return Promise.resolve(open ? ticket.verifier : undefined);
    },
    admit: async ({ node: id, ticketId }, request) => {
      const here = composed();
      if (here === undefined) throw notReady();
      const { node } = here;
      const { member } = joinRequestFormat.decode(request);
      if (member.node !== id) {
        throw new ClusterError({ code: "JOIN_WRONG_NODE" }, "a node can only join as itself");
      }
      checkRoomForNode(node.directory, id);
      const version = node.directory.cluster?.version;
      if (version !== undefined && !supports(member.versions, version)) {
        throw new ClusterError(
          { code: "CLUSTER_VERSION_UNSUPPORTED" },
          unsupportedText(member.versions, version),
        );
      }
      const command = { kind: "join", ticket: ticketId, member } as const;
      const envelope = {
        id: { kind: "entry", ...node.nextSequence(SYSTEM_GROUP) },
        command,
      } as const;
      accepted(await node.router.ask(SYSTEM_GROUP, { kind: "system-command", envelope }, ADMIT_MS));
      const { cluster } = node.directory;
      if (cluster === undefined) throw notReady();
      const members = node.directory.members();
      return joinAnswerFormat.encode({
        clusterId: cluster.id,
        members: members.map(({ node: other, addresses }) => ({ node: other, addresses })),
      });
    },
  };
}

function notReady(): ClusterError {
  return new ClusterError({ code: "NODE_NOT_READY" }, "this member does not know its cluster yet");
}

/**
 * What a given ticket means to a node that belongs to a cluster already: nothing, unless it is one of another.
 * Then whoever gave it expects what will not happen.
 * @throws {JobxError} `JOIN_OTHER_CLUSTER`.
 */
export async function checkSpareTicket(given: string, clusterId: string, log: Log): Promise<void> {
  let ticket: TicketText;
  try {
    ticket = await givenTicket(given);
  } catch (error) {
    log.warn("the ticket is ignored: this node is a member already", { reason: errorText(error) });
    return;
  }
  if (ticket.clusterId !== clusterId) {
    throw new JobxError(
      { code: "JOIN_OTHER_CLUSTER" },
      `the ticket is one of the cluster ${ticket.clusterId}, but the data directory belongs to ${clusterId}`,
    );
  }
  log.info("the ticket is ignored: this node is a member already", { clusterId });
}

/** Joins by a ticket. @throws {JobxError} `MESH_*`; `CLUSTER_VERSION_UNSUPPORTED` where this program does not fit. */
export async function joinCluster(
  mesh: Mesh,
  ticket: TicketText,
  member: MemberInfo,
): Promise<JoinAnswer> {
  const { id, secret, addresses } = ticket;
  assert(member.node === mesh.self, "a node joins as itself");
  const request = joinRequestFormat.encode({ member });
  try {
    return joinAnswerFormat.decode(await mesh.joinVia(addresses, { id, secret }, request));
  } catch (error) {
    if (!isJobxError(error)) throw error;
    const remote = "remoteCode" in error.details ? error.details.remoteCode : undefined;
    if (remote !== "CLUSTER_VERSION_UNSUPPORTED") throw error;
    throw new JobxError({ code: remote }, error.message, { cause: error });
  }
}
