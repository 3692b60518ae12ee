/** The cluster's version as this node has applied it, for people. */
import type { Directory } from "../actors/directory.ts";
import type { ClusterView, MemberVersionsView } from "../api/cluster-view.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import { nextVersion, waitText } from "../scheduler/system/versions.ts";
import { ClusterError } from "./cluster-errors.ts";

/** @throws {ClusterError} `NODE_NOT_READY` while this node does not know its cluster. */
export function clusterView(directory: Pick<Directory, "cluster" | "members">): ClusterView {
  const { cluster } = directory;
  if (cluster === undefined) {
    throw new ClusterError({ code: "NODE_NOT_READY" }, "this node does not know its cluster yet");
  }
  const { id, version } = cluster;
  const rows = directory.members();
  const next = nextVersion(version, rows);
  const common = { id, version, members: rows.map(versionsOf) };
  const has = `The cluster has version ${version}`;
  switch (next.kind) {
    case "none":
      return { ...common, next: null, why: `${has}, and no member supports a higher one.` };
    case "due":
      return {
        ...common,
        next: { version: next.version, waitsFor: [] },
        why: `${has}, and all members support ${next.version}: the system group's leader raises it.`,
      };
    case "waits":
      return {
        ...common,
        next: { version: next.version, waitsFor: next.waitsFor.map(versionsOf) },
        why: `${has}; ${waitText(next.version, next.waitsFor)}.`,
      };
  }
}

function versionsOf({ node, name, versions }: MemberRow): MemberVersionsView {
  return { node, name, versions };
}
