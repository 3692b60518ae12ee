import type { GroupView, WantingView } from "../../api/admin-port.ts";
import type { ClusterView } from "../../api/cluster-view.ts";
import type { NodeView } from "../../api/ports.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit.ts";
import { versionsText } from "../node-text.ts";
import { toJson, toTable } from "../output.ts";

/** Below this many members there is one voter in every group. */
const MEMBERS_FOR_MAJORITY = 3;

/** `jobx cluster status` */
export const CLUSTER_STATUS: Command = {
  name: "cluster status",
  summary: "Show whether the cluster can work, and what it would survive.",
  usage: "",
  positionals: { min: 0, max: 0 },
  options: {},
  examples: ["jobx cluster status"],
  async run(run) {
    const client = await run.connect();
    const nodes = await client.nodes();
    const cluster = await client.cluster();
    // As that node knows them, like its nodes: this is asked where there may be no majority.
    const workflows = await client.workflows({ stale: true });
    const asked = await client.ready();
    const wanting = await client.copies.wanting();
    const notes = [
      ...notesAbout(nodes, await client.groups()),
      ...wantingNotes(wanting),
      // Of files that lack copies all nodes were asked.
      ...asked.warnings.filter(({ code }) => code !== "blocks-wanting").map(warningNote),
      ...versionNotes(cluster),
    ];
    const { version, next, why } = cluster;
    const status = {
      ...{ api: client.url, ...asked, version, next, why },
      ...{ nodes, workflows: workflows.length, wanting, notes },
    };
    run.io.out(run.json ? toJson(status) : statusText(status));
    return EXIT.ok;
  },
};

/** What the operator should know, in sentences. */
function notesAbout(nodes: readonly NodeView[], groups: readonly GroupView[]): readonly string[] {
  const members = nodes.filter(({ state }) => state !== "removing" && state !== "removed");
  const removing = nodes.filter(({ state }) => state === "removing");
  const headless = groups.filter(({ led }) => !led);
  const short = groups.filter(({ led, members: of, votersWanted }) => {
    return led && of.filter(({ role }) => role !== "learner").length < votersWanted;
  });
  const unsynced = members.filter(({ durability }) => durability === "none");
  const down = members.filter(({ state }) => state === "down");
  return [
    ...(members.length < MEMBERS_FOR_MAJORITY
      ? ["With fewer than three nodes, acknowledged data is on one disk."]
      : []),
    ...(unsynced.length === 0
      ? []
      : [
          `WARNING: durability is none on ${unsynced.map(({ name }) => name).join(", ")}: ` +
            "a power cut there loses what was acknowledged.",
        ]),
    ...sentence(
      "Clocks off by more than ten seconds, so they lead nothing that others could",
      nodes.filter(({ clockIsOff }) => clockIsOff),
    ),
    ...sentence("Nobody leads", headless),
    ...sentence("Fewer voters than there should be", short),
    ...sentence("Being removed", removing),
    ...sentence("Down", down),
  ];
}

/** Files whose blocks have too few copies, by workflow. */
function wantingNotes({ volumes, silent }: WantingView): readonly string[] {
  return [
    ...volumes.map(({ workflow, short, missing, lost, since }) => {
      const counts = `${short} with too few copies, ${missing} that only a node that is away may have, ${lost} lost`;
      return `Blocks of files of ${workflow} since ${since}: ${counts} (jobx fs where).`;
    }),
    ...sentence(
      "Said nothing about copies of files",
      silent.map((name) => ({ name })),
    ),
  ];
}

function warningNote({ message }: { readonly message: string }): string {
  return `WARNING of the node that was asked: ${message}.`;
}

/** Why the version does not go up, where a member's program would have it go. */
function versionNotes({ next, why }: ClusterView): readonly string[] {
  return next === null ? [] : [why];
}

function sentence(what: string, of: readonly { readonly name: string }[]): readonly string[] {
  return of.length === 0 ? [] : [`${what}: ${of.map(({ name }) => name).join(", ")}.`];
}

function statusText(status: {
  readonly api: string;
  readonly ready: boolean;
  readonly reason: string;
  readonly version: number;
  readonly nodes: readonly NodeView[];
  readonly workflows: number;
  readonly notes: readonly string[];
}): string {
  const ready = status.ready ? "ready" : `not ready: ${status.reason}`;
  const rows = status.nodes.map(({ name, state, slots, versions, api }) => {
    return [name, state, String(slots), versionsText(versions), api];
  });
  return [
    `${status.api} is ${ready}; ${status.nodes.length} nodes, ${status.workflows} workflows, cluster version ${status.version}\n`,
    toTable(["NAME", "STATE", "SLOTS", "VERSIONS", "API"], rows, "no nodes"),
    ...status.notes.map((note) => `${note}\n`),
  ].join("");
}
