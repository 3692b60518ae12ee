/** Which cluster to talk to: what the call or the environment says, else the node of this machine. */
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

/** Which nodes, and with which token. */
export interface Addresses {
  readonly urls: readonly string[];
  readonly token: string | undefined;
}

/**
 * Where and as whom: from `--api`, else `JOBX_API`, else the address that the local node wrote into its data
 * folder, else where a node listens by default; and from `JOBX_TOKEN`. Without a token, the one that
 * the local node wrote is used, but only towards this machine: it would be shown to strangers.
 * @throws {JobxError} `CLI_USAGE` for URLs that are none, `CLI_FILE_UNREADABLE` for a node's file
 * that holds no URL.
 */
export async function addresses(io: Io, api: string | undefined): Promise<Addresses> {
  const given = api ?? (io.env["JOBX_API"] || undefined);
  const urls = given === undefined ? [(await localApi(io)) ?? API_DEFAULT] : parseUrls(given);
  const token = io.env["JOBX_TOKEN"] || (urls.every(isLocal) ? await localToken(io) : undefined);
  return { urls, token };
}

/** A client of these nodes. @throws {JobxError} as `addresses`. */
export async function connect(
  io: Io,
  options: { readonly api: string | undefined } & Patience,
): Promise<JobxClient> {
  const { urls, token } = await addresses(io, options.api);
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
  // Without one the cluster will ask for a token.
  return (await writtenByNode(io, "admin-token")).text;
}

async function localApi(io: Io): Promise<string | undefined> {
  const { path, text } = await writtenByNode(io, "api");
  if (text === undefined || isHttp(text)) return text;
  throw cliError(
    { code: "CLI_FILE_UNREADABLE", path },
    `${path} holds no URL of a node's API; start the node again, which writes it, or give --api`,
  );
}

/** A file of one line in the local node's data folder. No text: no node has run here, or another user's. */
async function writtenByNode(
  io: Io,
  name: string,
): Promise<{ readonly path: string; readonly text: string | undefined }> {
  const path = join(io.env["JOBX_DATA"] || join(io.homeFolder, ".jobx"), name);
  const text = await readFile(path, "utf8").catch(() => "");
  return { path, text: text.trim() || undefined };
}
