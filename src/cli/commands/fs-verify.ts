import type { JobxClient } from "../../api/client.ts";
import type { VerifyCounts, VerifyFileView } from "../../api/copy-port.ts";
import { bytesText } from "../byte-progress.ts";
import type { Command } from "../command.ts";
import { drawn } from "../drawn.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson } from "../output.ts";
import { type SharedPath, sharedPath } from "../shared-path.ts";
import { walkShared } from "../shared-walk.ts";

/** What is summed up of steps; those within a node's store know nothing of other copies. */
type VerifyStep = VerifyCounts & Partial<Pick<VerifyFileView, "missing" | "lost">>;

/** `jobx fs verify [WORKFLOW:/path | --node NODE] [--repair]` */
export const FS_VERIFY: Command = {
  name: "fs verify",
  summary:
    "Read all copies of files, or all blocks of a node or of every node, and say which are damaged.",
  usage: "[WORKFLOW:/PATH]",
  positionals: { min: 0, max: 1 },
  options: {
    node: {
      kind: "text",
      value: "NODE",
      help: "Only this node's blocks, whatever they are part of.",
    },
    repair: { kind: "flag", help: "Fetch what is damaged again from another node." },
  },
  examples: [
    "jobx fs verify text:/in",
    "jobx fs verify --node node-2 --repair",
    "jobx fs verify --repair",
  ],
  async run(run) {
    const [path] = run.positionals;
    const node = run.text("node");
    if (path !== undefined && node !== undefined) {
      const message = "a path or --node, not both";
      throw cliError({ code: "CLI_USAGE", command: "fs verify" }, message);
    }
    const client = await run.connect();
    const repair = run.flag("repair");
    const silent = new Set<string>();
    const steps =
      path === undefined
        ? nodeSteps(client, { node, repair, silent })
        : fileSteps(client, { at: sharedPath(path, "fs verify"), repair, silent });
    const sums = { blocks: 0, bytes: 0, damaged: 0, repaired: 0, missing: 0, lost: 0 };
    const draw = drawn(run.io);
    for await (const step of steps) {
      sums.blocks += step.blocks;
      sums.bytes += step.bytes;
      sums.damaged += step.damaged;
      sums.repaired += step.repaired;
      sums.missing += step.missing ?? 0;
      sums.lost += step.lost ?? 0;
      draw.show(`${sums.blocks} blocks, ${bytesText(sums.bytes)}, ${sums.damaged} damaged`);
    }
    draw.end();
    const { blocks, bytes, damaged, repaired, missing, lost } = sums;
    const unread = [...silent]
      .map((name) => `${printable(name)} is down: its blocks were not read\n`)
      .join("");
    const away = missing > 0 ? `${missing} blocks that only a node that is away may have\n` : "";
    const gone = lost > 0 ? `${lost} blocks that no node has any more\n` : "";
    const text = `${blocks} blocks read (${bytesText(bytes)}), ${damaged} damaged, ${repaired} repaired\n`;
    run.io.out(run.json ? toJson({ ...sums, silent: [...silent] }) : text + away + gone + unread);
    const isWhole = damaged <= repaired && missing + lost === 0 && silent.size === 0;
    return !isWhole ? EXIT.failed : EXIT.ok;
  },
};

/** Of every node those that are down are left out, and named in `silent`. */
async function* nodeSteps(
  client: JobxClient,
  of: {
    readonly node: string | undefined;
    readonly repair: boolean;
    readonly silent: Set<string>;
  },
): AsyncGenerator<VerifyStep, void, undefined> {
  const { node, repair, silent } = of;
  if (node !== undefined) {
    yield* blocksOf(client, { node, repair });
    return;
  }
  for (const { id, name, state } of await client.nodes()) {
    if (state === "down") silent.add(name);
    else if (state !== "removed") yield* blocksOf(client, { node: id, repair });
  }
}

async function* blocksOf(
  { copies }: JobxClient,
  of: { readonly node: string; readonly repair: boolean },
): AsyncGenerator<VerifyStep, void, undefined> {
  for (let after: string | undefined; ; ) {
    const step = await copies.verifyNode({ ...of, after });
    yield step;
    if (step.next === null) return;
    after = step.next;
  }
}

async function* fileSteps(
  { files, copies }: JobxClient,
  of: { readonly at: SharedPath; readonly repair: boolean; readonly silent: Set<string> },
): AsyncGenerator<VerifyStep, void, undefined> {
  const { at, repair, silent } = of;
  const ofFile = async function* (path: string): AsyncGenerator<VerifyStep, void, undefined> {
    for (let from: number | null = 0; from !== null; ) {
      const step: VerifyFileView = await copies.verifyFile({ ...at, path, from, repair });
      for (const name of step.silent) silent.add(name);
      yield step;
      from = step.next;
    }
  };
  if ((await files.stat({ ...at, follow: true })).type !== "directory") {
    yield* ofFile(at.path);
    return;
  }
  for await (const { kind, path, entry } of walkShared(files, at)) {
    if (kind === "entry" && entry.type === "file") yield* ofFile(path);
  }
}
