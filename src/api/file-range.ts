/** Which bytes of a file a call wants, and whether it has them already (RFC 9110, sections 13 and 14). */
import { apiError } from "./errors.ts";
import type { FileExpectation, FileRange } from "./file-port.ts";
import { inputError } from "./values.ts";

/** The tag of content; undefined where its id was never told. */
export function tagOf(cid: string | null): string | undefined {
  return cid === null ? undefined : `"${cid}"`;
}

/** Whether a list of tags, or `*`, names the tag. Weak tags are as good: they name the same content. */
export function names(header: string | undefined, tag: string | undefined): boolean {
  if (header === undefined) return false;
  if (header.trim() === "*") return true;
  return header
    .split(",")
    .map((one) => one.trim().replace(/^W\//u, ""))
    .includes(tag ?? "");
}

/**
 * What a put expects. @throws {JobxError} `API_INPUT_INVALID` for other tags than one content id or `*`, and
 * for both headers together.
 */
export function expectationOf(headers: {
  readonly "if-match"?: string | undefined;
  readonly "if-none-match"?: string | undefined;
}): FileExpectation {
  const { "if-match": match, "if-none-match": noneMatch } = headers;
  if (noneMatch !== undefined) {
    if (noneMatch.trim() === "*" && match === undefined) return { kind: "absent" };
    throw inputError("headers.if-none-match", "* and no If-Match beside it");
  }
  if (match === undefined) return { kind: "any" };
  if (match.trim() === "*") return { kind: "present" };
  const cid = /^(?:W\/)?"(?<cid>[a-z0-9]{1,256})"$/u.exec(match.trim())?.groups?.["cid"];
  if (cid === undefined) throw inputError("headers.if-match", "a content id in quotes, or *");
  return { kind: "content", cid };
}

/**
 * The sha256 in `Content-Digest` as hex (RFC 9530); undefined where the header is not there.
 * @throws {JobxError} `API_INPUT_INVALID` for one without a sha-256: what cannot be checked is not let pass.
 */
export function digestOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = /(?:^|,)\s*sha-256=:(?<digest>[A-Za-z0-9+/]{43}=):/u.exec(header)?.groups?.[
    "digest"
  ];
  if (text === undefined) throw inputError("headers.content-digest", "sha-256=:BASE64:");
  return Buffer.from(text, "base64").toString("hex");
}

/**
 * The one range that a call wants; undefined for the whole, also for several ranges and other units, which a
 * server may take for none (RFC 9110, 14.2).
 * @throws {JobxError} `API_RANGE_UNSATISFIABLE` for one that begins beyond the end.
 */
export function rangeOf(header: string | undefined, bytes: number): FileRange | undefined {
  const parts = /^bytes=(?<first>[0-9]{0,15})-(?<last>[0-9]{0,15})$/u.exec(header ?? "")?.groups;
  const { first = "", last = "" } = parts ?? {};
  if (parts === undefined || (first === "" && last === "")) return undefined;
  const from = first === "" ? Math.max(bytes - Number(last), 0) : Number(first);
  const to = first === "" || last === "" ? bytes : Math.min(Number(last) + 1, bytes);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  if (from >= bytes || to <= from) {
    throw apiError(
      { code: "API_RANGE_UNSATISFIABLE", bytes },
      `the file has ${bytes} bytes, and none of those that are wanted`,
    );
  }
  return { from, to };
}
