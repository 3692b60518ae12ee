/** HTTP as anybody may speak it: every route that the node tells of, with parameters, headers and bodies made worse. */
import { connect } from "node:net";
import { asRecord } from "../../../scripts/lib/json.ts";
import type { Chance } from "../../sim/chance.ts";
import { mutateBytes } from "../mutate-bytes.ts";
import { mutateText } from "../mutate-text.ts";
import { jsonLeaf, mutateValue } from "../mutate-values.ts";
import type { Reach } from "../target.ts";
import { ask, type FuzzedNode } from "./node.ts";
import type { Surface, Talker } from "./surface.ts";

/** Longer than any call here is answered; streams that only follow are cut by then. */
const ANSWER_MS_MAX = 1_500;

const BODIES: readonly unknown[] = [
  { arguments: { a: 1 } },
  { arguments: [["k", [1, { x: null }]]], keep: true },
  { description: "d", steps: { a: { map: "m", reduce: "r" } }, jobs: { j: { step: "a" } } },
  { handlers: [{ path: "m.js", source: "/** d\n** yaml\nhandler_type: mapper\n*/" }] },
  { map: "m", reduce: "r", combine: null, timeout: "60s", partitions: 2 },
  { step: "a", description: "d" },
  { revision: 7 },
  { role: "read", name: "n", workflows: ["quiet"], expiresInMs: 1000 },
  { file: "m.js", source: "export function* map(pairs, ctx) {}" },
];
const VALUES = [
  ...["quiet", "a", "quiet/1", "quiet%2F1", "%2e%2e", "%00", "x".repeat(600), "1", "-1", "1e99"],
  ...["true", "%", "é", "a b", "__proto__", "", "9007199254740993", "2026-01-01T00:00:00Z"],
];
const QUERIES = [
  "wait",
  "limit",
  "after",
  "stale",
  "result",
  "dryRun",
  "state",
  "blocking",
  "keep",
  "revision",
];

interface Route {
  readonly method: string;
  readonly path: string;
  /** Others refuse a body before they look at anything else. */
  readonly takesBody: boolean;
}

/** What is left out is what would end the node's part in its cluster, which is no fault. */
function isHarmless({ path }: Route): boolean {
  return !path.includes("recover");
}

async function routesOf(node: FuzzedNode): Promise<readonly Route[]> {
  const document = asRecord(await ask(node, "GET", "/openapi.json"), "the document");
  const routes = Object.entries(asRecord(document["paths"], "paths")).flatMap(([path, methods]) =>
    Object.entries(asRecord(methods, path)).map(([method, operation]) => {
      const takesBody = "requestBody" in asRecord(operation, path);
      return { method: method.toUpperCase(), path, takesBody };
    }),
  );
  return routes.filter(isHarmless);
}

function makeRequest(routes: readonly Route[], token: string, chance: Chance): Uint8Array {
  const { method, path, takesBody } = chance.pick(routes);
  const filled = path.replaceAll(/\{\w+\}/gu, () => value(chance));
  const queries = Array.from(
    { length: chance.whole(0, 2) },
    () => `${chance.pick(QUERIES)}=${value(chance)}`,
  );
  const target = encodeURI(filled + (queries.length === 0 ? "" : `?${queries.join("&")}`));
  const body = takesBody || chance.hits(0.1) ? bodyOf(chance) : new Uint8Array();
  const length = chance.hits(0.97) ? body.length : chance.whole(0, 2 * body.length + 9);
  const head = [
    `${chance.hits(0.9) ? method : chance.pick(["GET", "PATCH", "BREW", "CONNECT"])} ${target} HTTP/1.1`,
    `host: ${chance.hits(0.97) ? "127.0.0.1" : value(chance)}`,
    `authorization: ${chance.hits(0.95) ? `Bearer ${token}` : chance.pick(["Bearer", "Basic eA==", ""])}`,
    `content-type: ${chance.hits(0.9) ? "application/json" : chance.pick(["text/plain", "application/x-ndjson", ""])}`,
    `connection: ${chance.hits(0.97) ? "close" : "upgrade"}`,
    ...(chance.hits(0.1) ? [`idempotency-key: ${value(chance)}`] : []),
    ...(chance.hits(0.05) ? [`last-event-id: ${value(chance)}`] : []),
    ...(chance.hits(0.03) ? ["transfer-encoding: chunked"] : [`content-length: ${length}`]),
  ];
  const whole = Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
  return chance.hits(0.08) ? mutateBytes(whole, chance) : whole;
}

function value(chance: Chance): string {
  return encodeURI(chance.pick(VALUES)).replaceAll(/%25(?=[0-9a-f]{2})/giu, "%");
}

function bodyOf(chance: Chance): Uint8Array {
  const body = chance.pick(BODIES);
  if (chance.hits(0.1)) return new Uint8Array();
  if (chance.hits(0.1)) return Buffer.from(JSON.stringify(body));
  if (chance.hits(0.2)) return Buffer.from(mutateText(JSON.stringify(body), chance));
  return Buffer.from(JSON.stringify(mutateValue(body, chance, jsonLeaf)));
}

/** Sends bytes and reads until the node closes, or for long enough. */
export function exchange(node: FuzzedNode, input: Uint8Array): Promise<Buffer> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect(node.api);
    const timer = setTimeout(() => socket.destroy(), ANSWER_MS_MAX);
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.on("error", () => {
      // Followed by `close`: a node may end a connection whenever it is not spoken to as it should be.
    });
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(Buffer.concat(parts));
    });
    // Half open: what is cut short must not be waited for.
    socket.end(input);
  });
}

/** @throws {Error} for an answer that says that something went wrong inside, or has no code. */
function judge(answer: Buffer): Reach {
  const text = answer.toString("latin1");
  const status = Number(/^HTTP\/1\.1 (\d{3})/u.exec(text)?.[1]);
  if (Number.isNaN(status)) return "cut";
  if (status === 500) throw new Error(`an error inside: ${text.slice(0, 600)}`);
  if (status < 400) return "accepted";
  const body = text.slice(text.indexOf("\r\n\r\n") + 4);
  if (!/"code":\s*"[A-Z0-9_]+"/u.test(body)) throw new Error(`no code: ${text.slice(0, 600)}`);
  return status === 431 || body.includes("API_REQUEST_MALFORMED") ? "cut" : "refused";
}

async function open(node: FuzzedNode): Promise<Talker> {
  const routes = await routesOf(node);
  return {
    make: (chance) => makeRequest(routes, node.token, chance),
    send: async (input) => judge(await exchange(node, input)),
    close: () => Promise.resolve(),
  };
}

export const httpSurface: Surface = { name: "http", open, cost: 40 };
