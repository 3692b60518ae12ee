/** The format of the file by which a restarted node finds its cluster again. */
import type { KnownMember } from "../wire/join.ts";

/** The newest format of the file. */
const FORMAT = 1;

export interface ClusterFile {
  readonly clusterId: string;
  /** True at the node that made the cluster. */
  readonly founder: boolean;
  readonly members: readonly KnownMember[];
  /** R10: the cluster's version when this node last knew; of a later one it may not be able to read its store. */
  readonly version: number | undefined;
}

/** The file's text. */
export function clusterFileText(file: ClusterFile): string {
  return `${JSON.stringify({ format: FORMAT, ...file }, null, 2)}\n`;
}

/** What the file says; undefined when it is not what was written. */
export function parseClusterFile(text: string): ClusterFile | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const { format, clusterId, founder, members, version } = fields;
  if (format !== FORMAT || typeof clusterId !== "string" || typeof founder !== "boolean") {
    return undefined;
  }
  if (!Array.isArray(members)) return undefined;
  const known: KnownMember[] = [];
  for (const member of members) {
    const one: unknown = member;
    if (typeof one !== "object" || one === null) return undefined;
    const { node, addresses }: Readonly<Record<string, unknown>> = { ...one };
    if (typeof node !== "string" || !Array.isArray(addresses)) return undefined;
    const texts = addresses.filter((address): address is string => typeof address === "string");
    known.push({ node, addresses: texts });
  }
  return {
    ...{ clusterId, founder, members: known },
    version: typeof version === "number" ? version : undefined,
  };
}
