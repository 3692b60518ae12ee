/** What a node does once in its life: it makes a cluster of one, or joins the one of a ticket. */
import { createHash, randomBytes } from "node:crypto";
import { toError } from "../mesh/errors.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { MemberInfo, SystemCommand } from "../scheduler/system/commands.ts";
import type { Log } from "../std/log.ts";
import type { TicketText } from "../wire/join.ts";
import { writeClusterFile } from "./cluster-file.ts";
import type { ClusterFile } from "./cluster-file-text.ts";
import type { NodeConfig } from "./config/config.ts";
import { joinCluster } from "./joining.ts";
import { founderToken } from "./own-token.ts";

/** Random bytes of a cluster's id. */
const CLUSTER_ID_BYTES = 16;

/**
 * Durable before anything else is done.
 * @throws {JobxError} `MESH_*` when joining fails; the reason of `stop`, which ends
 * the wait for an answer: a node that was admitted and did not hear of it may ask again.
 */
export async function firstStart(
  config: Pick<NodeConfig, "data">,
  parts: {
    readonly mesh: Mesh;
    readonly member: MemberInfo;
    readonly log: Log;
    /** Undefined makes a new cluster. */
    readonly ticket: TicketText | undefined;
    readonly stop?: AbortSignal | undefined;
  },
): Promise<ClusterFile> {
  let file: ClusterFile;
  if (parts.ticket === undefined) {
    const clusterId = randomBytes(CLUSTER_ID_BYTES).toString("hex");
    file = { clusterId, founder: true, members: [], version: undefined };
    parts.log.info("makes a new cluster", { clusterId });
  } else {
    const joining = joinCluster(parts.mesh, parts.ticket, parts.member);
    const answer = await unlessStopped(joining, parts.stop);
    const { clusterId, members } = answer;
    file = { clusterId, founder: false, members, version: undefined };
    parts.log.info("joined a cluster", { clusterId: answer.clusterId });
  }
  await writeClusterFile(config.data, file);
  return file;
}

async function unlessStopped<T>(work: Promise<T>, stop: AbortSignal | undefined): Promise<T> {
  if (stop === undefined) return work;
  const stopped = new AbortController();
  const told = new Promise<never>((_, reject) => {
    const tell = (): void => reject(toError(stop.reason));
    if (stop.aborted) tell();
    else stop.addEventListener("abort", tell, { once: true, signal: stopped.signal });
  });
  try {
    return await Promise.race([work, told]);
  } finally {
    stopped.abort();
  }
}

/** What the founder of a cluster writes into its log first; the token itself stays here. */
export async function foundingOf(
  directory: string,
  file: ClusterFile,
): Promise<((member: MemberInfo) => SystemCommand) | undefined> {
  // Members are known from the founding on: a founder that lost its store must not found again.
  if (!file.founder || file.members.length > 0) return undefined;
  const token = await founderToken(directory);
  const { clusterId } = file;
  const adminTokenHash = createHash("sha256").update(token).digest("hex");
  return (member) => ({ kind: "found", clusterId, member, adminTokenHash });
}
