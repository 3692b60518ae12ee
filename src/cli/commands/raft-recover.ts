import type { RecoveryView } from "../../api/admin-port.ts";
import { type Command, type CommandRun, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx raft recover WORKFLOW` */
export const RAFT_RECOVER: Command = {
  name: "raft recover",
  summary: "Say what a group that lost most of its replicas for good has left, or go on with it.",
  usage: "WORKFLOW | --system",
  positionals: { min: 0, max: 1 },
  options: {
    system: { kind: "flag", help: "The system group, which keeps members, tokens and workflows." },
    "accept-loss": {
      kind: "flag",
      help: "Go on with the newest log that is left. What only the lost nodes had is gone for good.",
    },
  },
  examples: ["jobx raft recover --system", "jobx raft recover text --accept-loss"],
  async run(run) {
    const client = await run.connect();
    const answer = await client.recoverGroup(groupOf(run), run.flag("accept-loss"));
    run.io.out(run.json ? toJson(answer) : recoveryText(answer));
    return EXIT.ok;
  },
};

/** @throws {JobxError} `CLI_USAGE`. */
function groupOf(run: CommandRun): string {
  const name = positional(run, 0);
  if (run.flag("system") !== (name === "")) {
    const command = "raft recover";
    throw cliError({ code: "CLI_USAGE", command }, "name a workflow, or give --system");
  }
  return run.flag("system") ? "system" : name;
}

function recoveryText(view: RecoveryView): string {
  const { name, recovered, survivor, lastIndex, appliedIndex, lost } = view;
  const gone = lost.map(({ node, replica, votes }) => {
    return `  ${node} (replica ${replica}, ${votes ? "votes" : "listens"})`;
  });
  if (recovered) {
    return [
      `group ${name} goes on with what ${survivor} has, up to entry ${lastIndex}`,
      "these replicas never belong to it again:",
      ...gone,
      "recover the other groups that have no leader too: jobx raft list\n",
    ].join("\n");
  }
  return [
    `group ${name} has lost the majority of its replicas; these do not answer:`,
    ...gone,
    `the newest log that is left is on ${survivor}: up to entry ${lastIndex}, of which a majority`,
    `certainly had ${appliedIndex}. What was acknowledged after entry ${lastIndex} would be lost.`,
    "If any of the others can be started again, do that instead: nothing is lost then.",
    "Nothing was changed. To go on without them: --accept-loss\n",
  ].join("\n");
}
