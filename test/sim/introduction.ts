/** What a simulated node says of itself when it joins. */
import type { MemberInfo } from "../../src/scheduler/system/commands.ts";

export function introductionOf(
  node: Pick<MemberInfo, "slots" | "capabilities" | "versions"> & { readonly id: string },
): MemberInfo {
  const { id, slots, capabilities, versions } = node;
  return {
    node: id,
    name: id,
    addresses: [],
    api: "",
    storeId: "",
    slots,
    capabilities,
    version: "0.0.0",
    durability: "sync",
    versions,
  };
}
