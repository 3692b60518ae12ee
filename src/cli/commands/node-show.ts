import type { NodeView } from "../../api/ports.ts";
import { type Command, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { nodeState, versionsText } from "../node-text.ts";
import { toJson, toTable } from "../output.ts";

/** `jobx node show NODE` */
export const NODE_SHOW: Command = {
  name: "node show",
  summary: "Show a node and its replicas; those that are damaged are named.",
  usage: "NODE",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx node show node-2", "jobx node show node-2 --json"],
  async run(run) {
    const client = await run.connect();
    const wanted = positional(run, 0);
    const node = (await client.nodes()).find(({ name, id }) => name === wanted || id === wanted);
    if (node === undefined) {
      const command = "node show";
      throw cliError({ code: "CLI_USAGE", command }, `there is no node ${wanted}`);
    }
    const groups = await client.groups();
    // Only a leader knows who the members are: without one it is not known whether this node is one.
    const unled = groups.filter(({ led }) => !led).map(({ name }) => name);
    const replicas = groups.flatMap(({ name, members }) =>
      members
        .filter((member) => member.node === node.name)
        .map(({ replica, role, match }) => ({ group: name, replica, role, match })),
    );
    run.io.out(run.json ? toJson({ ...node, replicas, unled }) : nodeText(node, replicas, unled));
    return EXIT.ok;
  },
};

interface ReplicaLine {
  readonly group: string;
  readonly replica: number;
  readonly role: string;
  readonly match: number;
}

function nodeText(
  node: NodeView,
  replicas: readonly ReplicaLine[],
  unled: readonly string[],
): string {
  const clock = node.clockAheadMs === null ? "unknown" : `${node.clockAheadMs} ms ahead`;
  const head = [
    `node          ${node.name} (${nodeState(node)})`,
    `id            ${node.id}`,
    `api           ${node.api}`,
    `version       ${node.version}`,
    `supports      ${versionsText(node.versions)}`,
    `slots         ${node.slots}`,
    `capabilities  ${node.capabilities.join(", ") || "none"}`,
    `durability    ${node.durability}`,
    `clock         ${clock}`,
  ];
  const rows = replicas.map(({ group, replica, role, match }) => [
    group,
    String(replica),
    role,
    String(match),
  ]);
  rows.push(...unled.map((group) => [group, "unknown: nobody leads", "", ""]));
  const table = toTable(["GROUP", "REPLICA", "ROLE", "MATCH"], rows, "no replicas");
  return `${head.join("\n")}\n\n${table}`;
}
