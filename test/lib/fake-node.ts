/** The node of a cluster in memory, as the API shows it. */
import type { NodeView } from "../../src/api/ports.ts";

export const FIRST_NODE: NodeView = {
  ...{ id: "12D3KooWfirst", name: "node-1", api: "http://127.0.0.1:7070", state: "up" },
  ...{ capabilities: ["general", "python"], slots: 4, version: "0.1.0", durability: "sync" },
  ...{ versions: { min: 1, max: 1 }, clockAheadMs: 0, clockIsOff: false, damaged: [] },
};
