/** Keys of the system group's rows. `w/` and `k/` are taken by remembered answers. */
import { orderedNumber } from "../../std/ordered-text.ts";

/** The cluster itself. */
export const CLUSTER_KEY = "c/";

/** Which versions the members support. */
export const SUPPORT_KEY = "v/";

export const systemKeys = {
  member: (node: string): string => `n/${node}`,
  ticket: (id: string): string => `t/${id}`,
  token: (hash: string): string => `o/${hash}`,
  workflow: (group: number): string => `g/${orderedNumber(group)}`,
  name: (name: string): string => `m/${name}`,
  sealKey: (group: number): string => `s/${orderedNumber(group)}`,
  secrets: (group: number): string => `x/${orderedNumber(group)}`,
} as const;

/** From here up to but not including `~` lie all rows. */
export const SYSTEM_SCAN = { gte: "!", lt: "~" } as const;
