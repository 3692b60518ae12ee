import { type Command, type CommandRun, positional } from "../command.ts";
import { readArgumentsText } from "../files.ts";
import { type Pair, parsePair, parsePairsText } from "../pairs.ts";
import { SUBMIT_OPTIONS, submitAndShow } from "../submitted.ts";

/** `jobx submit WORKFLOW JOB [key=text | key:=JSON]...` */
export const SUBMIT: Command = {
  name: "submit",
  summary: "Submit a job; with --wait, wait for its result.",
  usage: "WORKFLOW JOB [key=text | key:=JSON]...",
  positionals: { min: 2, max: 100_000 },
  options: {
    args: {
      kind: "text",
      value: "FILE",
      help: "A JSON object, a pair for each member; - reads the standard input.",
    },
    ...SUBMIT_OPTIONS,
  },
  examples: [
    "jobx submit text wordcount folder=/srv/corpus --wait",
    "jobx submit text wordcount limit:=10 --args more.json --key nightly-7",
  ],
  async run(run) {
    const pairs = await readPairs(run);
    return submitAndShow(run, (client) =>
      client.submit({
        workflow: positional(run, 0),
        job: positional(run, 1),
        arguments: pairs,
        idempotencyKey: run.text("key"),
        keep: run.text("keep"),
      }),
    );
  },
};

/** The file first, then the words, each in its order. */
async function readPairs(run: CommandRun): Promise<readonly Pair[]> {
  const words = run.positionals.slice(2).map(parsePair);
  const path = run.text("args");
  if (path === undefined) return words;
  return [...parsePairsText(await readArgumentsText(path, run.io)), ...words];
}
