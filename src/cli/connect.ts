/** Which cluster to talk to: the environment, else the node of this machine. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { JobxClient } from "../api/client.ts";
import type { SlowListener } from "../api/slow-call.ts";
import type { ClientOptions } from "../api/transport.ts";
import { cliError } from "./errors.ts";
import type { Io } from "./io.ts";

/** Where a node listens when nobody says otherwise. */
const API_DEFAULT = "http://127.0.0.1:7070";
/** Nodes worth trying one after the other. */
const URLS_MAX = 64;
/** Patience with a cluster that is electing. */
const DEADLINE_MS_DEFAULT = 30_000;

/**
 * A client from `--api`, `JOBX_API` and `JOBX_TOKEN`. Without a token, the one that the local node
 * wrote into its data folder is used, but only towards this machine: it would be shown to strangers.
 * @throws {JobxError} `CLI_USAGE` for URLs that are none.
 */
export async function connect(
  io: Io,
  options: { readonly api: string | undefined } & Patience,
): Promise<JobxClient> {
  const urls = parseUrls(options.api ?? (io.env["JOBX_API"] || API_DEFAULT));
  const token = io.env["JOBX_TOKEN"] || (urls.every(isLocal) ? await localToken(io) : undefined);
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS_DEFAULT;
  const { endMs } = options;
  const stale = options.stale === true ? ageTeller(io) : undefined;
  return new JobxClient(io.client, { urls, token, deadlineMs, endMs, stale, slow: teller(io) });
}

/** How long a command has patience with the cluster; see `ClientOptions`. */
export type Patience = Partial<Pick<ClientOptions, "deadlineMs" | "endMs">> & {
  /** Content with the copy of the node that answers, whose age is said on the error output. */
  readonly stale?: boolean;
};

/** Says once how old the copy is that the answers are from. */
function ageTeller(io: Io): NonNullable<ClientOptions["stale"]> {
  let told = false;
  return ({ url, ageMs }) => {
    if (told) return;
    told = true;
    const age = ageMs === undefined ? "of unknown age" : `at most ${Math.ceil(ageMs / 1000)} s old`;
    io.err(`jobx: this is the copy of ${url}, ${age}\n`);
  };
}

/** Nobody shall wonder whether the command line hangs. */
function teller(io: Io): SlowListener {
  return {
    timers: io.timers,
    tell: ({ sinceMs, url, error }) => {
      const why = error === undefined ? `${url} does not answer` : error;
      io.err(`jobx: still trying after ${Math.round(sinceMs / 1000)} s: ${why}\n`);
    },
  };
}

function parseUrls(text: string): readonly string[] {
  const urls = text
    .split(",")
    .map((url) => url.trim())
    .filter((url) => url !== "");
  const wrong = urls.find((url) => !isHttp(url));
  if (wrong === undefined && urls.length > 0 && urls.length <= URLS_MAX) return urls;
  throw cliError(
    { code: "CLI_USAGE", command: "" },
    `JOBX_API: expected URLs separated by commas, such as ${API_DEFAULT}, found '${wrong ?? text}'`,
  );
}

function isHttp(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol } = new URL(url);
  return protocol === "http:" || protocol === "https:";
}

function isLocal(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.[0-9]+){3}$/u.test(hostname);
}

async function localToken(io: Io): Promise<string | undefined> {
  const folder = io.env["JOBX_DATA"] || join(io.homeFolder, ".jobx");
  try {
    const token = (await readFile(join(folder, "admin-token"), "utf8")).trim();
    return token === "" ? undefined : token;
  } catch {
    // No node has run here, or it is another user's: the cluster will ask for a token.
    return undefined;
  }
}
