/**
 * Which `Host` and `Origin` a call may carry. A page that a browser loaded elsewhere can make a name
 * of its own point to this node; it cannot choose these headers.
 */
import { isIP } from "node:net";

/** Names of this machine for itself. */
const LOOPBACK = ["localhost", "127.0.0.1", "::1"] as const;

/** What a call is held against. */
export interface HostRules {
  /** The address that the server was told to listen on. */
  readonly listenHost: string;
  /** Names by which people reach this node, lower-case, without port. */
  readonly hostNames: readonly string[];
}

/**
 * Whether `host` (the header, with or without port) names this node. `localAddress` is the address
 * that the caller connected to: where the server listens on every address, that one counts.
 */
export function hostAllowed(
  host: string,
  rules: HostRules,
  localAddress: string | undefined,
): boolean {
  const name = hostName(host);
  if (name === undefined) return false;
  if (LOOPBACK.some((known) => known === name)) return true;
  if (rules.hostNames.includes(name)) return true;
  if (!isWildcard(rules.listenHost)) return name === rules.listenHost.toLowerCase();
  return isIP(name) !== 0 && name === localAddress?.replace(/^::ffff:/u, "");
}

/**
 * The host in a URL that is sent whole (`GET http://HOST/path`), as a proxy is asked; it counts instead of
 * the `Host` header (RFC 9112, 3.2.2). Undefined for a path alone, which names none.
 */
export function urlHost(url: string): string | undefined {
  if (url.startsWith("/")) return undefined;
  return /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(?<host>[^/?#]*)/u.exec(url)?.groups?.["host"];
}

/** Whether a call with this `Origin` comes from a page that this very address served, or from no page. */
export function originAllowed(origin: string | undefined, host: string): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const { protocol, host: originHost } = new URL(origin);
  const web = protocol === "http:" || protocol === "https:";
  // Both go through the same parser, which drops the scheme's own port and lowers letters.
  const own = `${protocol}//${host}`;
  return web && URL.canParse(own) && new URL(own).host === originHost;
}

/** The name in a `Host` header, lower-case, without port and brackets; undefined when malformed. */
function hostName(host: string): string | undefined {
  const groups = /^(?:\[(?<ipv6>[0-9a-fA-F:.]+)\]|(?<name>[A-Za-z0-9._-]+))(?::[0-9]{1,5})?$/u.exec(
    host,
  )?.groups;
  return (groups?.["ipv6"] ?? groups?.["name"])?.toLowerCase();
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::" || host === "";
}
