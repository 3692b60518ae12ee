import { ATTEMPTS_MAX } from "../../api/limits.ts";
import { type Command, positional, STALE_OPTION } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printRequest } from "../request-output.ts";
import { attemptsText } from "../request-text.ts";

/** `jobx request show ID` */
export const REQUEST_SHOW: Command = {
  name: "request show",
  summary: "Show a request: state, steps, attempts, result or error.",
  usage: "ID",
  positionals: { min: 1, max: 1 },
  options: STALE_OPTION,
  examples: ["jobx request show ID", "jobx request show ID --json"],
  async run(run) {
    const id = positional(run, 0);
    const client = await run.connect({ stale: run.flag("stale") });
    const view = await client.request(id, { waitMs: 0, withResult: false });
    const list = await client.attempts(id, { limit: ATTEMPTS_MAX });
    await printRequest({ run, client }, view, {
      fields: {
        attempts: list.attempts,
        attemptsTruncated: list.truncated,
        attemptsForgotten: list.forgotten,
      },
      text: attemptsText(list),
    });
    return EXIT.ok;
  },
};
