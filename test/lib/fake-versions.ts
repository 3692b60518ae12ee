/** What a cluster in memory says of its version, which is 1. */
import type { ClusterView } from "../../src/api/cluster-view.ts";
import type { NodeView } from "../../src/api/ports.ts";

/** The next version waits for those nodes that do not support it, if another one does. */
export function fakeClusterView(nodes: readonly NodeView[]): ClusterView {
  const members = nodes.map(({ id, name, versions }) => ({ node: id, name, versions }));
  const waitsFor = members.filter(({ versions }) => versions.max < 2);
  const next = waitsFor.length === members.length ? null : { version: 2, waitsFor };
  const names = waitsFor.map(({ name }) => name).join();
  return { id: "fake", version: 1, members, next, why: `Version 2 waits for ${names}.` };
}
