import { TICKET_MS_DEFAULT, TICKET_MS_MAX, TICKET_USES_MAX } from "../../api/limits.ts";
import { parseDuration } from "../../workflow/duration.ts";
import { type Command, type CommandRun, countOption } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx cluster ticket` */
export const CLUSTER_TICKET: Command = {
  name: "cluster ticket",
  summary: "Make a ticket with which a node may join.",
  usage: "",
  positionals: { min: 0, max: 0 },
  options: {
    uses: { kind: "text", value: "N", help: "How many nodes it lets in; default 1." },
    expires: { kind: "text", value: "DURATION", help: "How long it is good; default 1h." },
  },
  examples: ["jobx cluster ticket", "jobx cluster ticket --uses 10 --expires 24h"],
  async run(run) {
    const uses = countOption(run, { name: "uses", min: 1, max: TICKET_USES_MAX, otherwise: 1 });
    const expiresMs = expiresOf(run);
    const answer = await (await run.connect()).createTicket({ uses, expiresMs });
    run.io.out(run.json ? toJson(answer) : `${answer.ticket}\n`);
    return EXIT.ok;
  },
};

function expiresOf(run: CommandRun): number {
  const text = run.text("expires");
  if (text === undefined) return TICKET_MS_DEFAULT;
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1000 && ms <= TICKET_MS_MAX) return ms;
  throw cliError(
    { code: "CLI_USAGE", command: "cluster ticket" },
    `--expires: expected from 1s to ${TICKET_MS_MAX / 3_600_000}h, found ${text}`,
  );
}
