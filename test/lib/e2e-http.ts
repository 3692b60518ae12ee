/** One HTTP call as a stranger may make it: any header, any bytes. */
import { request } from "node:http";

/** Nothing here takes long: a node answers within a call's own deadline. */
const CALL_MS_MAX = 30_000;

/** What is sent. */
export interface HttpCall {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What came back; `json` is undefined for a body that is none. */
export interface HttpAnswer {
  readonly status: number;
  readonly code: unknown;
  readonly json: unknown;
}

/** Sends one call to a node's API. Sets no header by itself but `Host`, unless it is given. */
export function callHttp(api: string, call: HttpCall): Promise<HttpAnswer> {
  const { hostname, port } = new URL(api);
  const { method = "GET", path, headers = {}, body } = call;
  return new Promise((resolve, reject) => {
    const options = { hostname, port, method, path, headers, agent: false };
    const sent = request({ ...options, signal: AbortSignal.timeout(CALL_MS_MAX) }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () => {
        const json = parse(Buffer.concat(parts).toString("utf8"));
        resolve({ status: answer.statusCode ?? 0, code: codeOf(json), json });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

function codeOf(json: unknown): unknown {
  return typeof json === "object" && json !== null && "code" in json ? json.code : undefined;
}
