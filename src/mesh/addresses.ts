import { CODE_P2P, type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { ADDRESS_LENGTH_MAX } from "../wire/bounds.ts";
import { meshError } from "./errors.ts";
import { ADDRESSES_PER_MEMBER_MAX } from "./limits.ts";
import type { NodeId } from "./ports.ts";

/** @throws {JobxError} `MESH_ADDRESS_INVALID` for what is not a multiaddr, or longer than members tell each other. */
export function parseAddress(address: string): Multiaddr {
  // The parser takes seconds for some tens of kilobytes.
  if (address.length > ADDRESS_LENGTH_MAX) {
    const shown = address.slice(0, 64);
    const text = `an address of ${address.length} characters is too long: ${shown}...`;
    throw meshError({ code: "MESH_ADDRESS_INVALID", address: shown }, text);
  }
  try {
    return multiaddr(address);
  } catch (cause) {
    throw meshError({ code: "MESH_ADDRESS_INVALID", address }, `${address} is no multiaddress`, {
      cause,
    });
  }
}

/**
 * States that a node can listen at an address, or that others can be told it.
 * @throws {JobxError} `MESH_ADDRESS_INVALID`, with what is expected.
 */
export function checkAddress(address: string, use: "listen" | "advertise"): void {
  const parsed = parseAddress(address);
  const endpoint = endpointOf(parsed);
  const [host] = parsed.getComponents();
  const numeric = host?.name === "ip4" || host?.name === "ip6";
  if (endpoint !== undefined && (use === "advertise" || numeric)) return;
  throw meshError(
    { code: "MESH_ADDRESS_INVALID", address },
    `${address} is no address to ${use}: expected a TCP one such as /ip4/192.0.2.1/tcp/7071`,
  );
}

/** The node that an address names at its end, if it does. */
export function nodeOfAddress(address: Multiaddr): NodeId | undefined {
  return address.getComponents().findLast((component) => component.code === CODE_P2P)?.value;
}

/**
 * The addresses of a member that can be used, with its id at the end; unreadable ones, those that
 * name another node and those above the bound are left out: other members said them, and one bad
 * address must not hide the good ones.
 */
export function dialAddresses(node: NodeId, addresses: readonly string[]): Multiaddr[] {
  const usable: Multiaddr[] = [];
  for (const text of addresses) {
    if (usable.length === ADDRESSES_PER_MEMBER_MAX) break;
    try {
      const address = parseAddress(text);
      const named = nodeOfAddress(address);
      if (named === undefined) usable.push(address.encapsulate(`/p2p/${node}`));
      else if (named === node) usable.push(address);
    } catch {
      // Left out, as the docstring says.
    }
  }
  return usable;
}

/** Host and port of a TCP address. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Where a plain TCP connection to the address would go, if it is a TCP address. */
export function endpointOf(address: Multiaddr): Endpoint | undefined {
  const parts = address.getComponents();
  const host = parts.find(({ name }) =>
    ["ip4", "ip6", "dns", "dns4", "dns6"].includes(name),
  )?.value;
  const port = Number(parts.find(({ name }) => name === "tcp")?.value);
  return host === undefined || !Number.isInteger(port) ? undefined : { host, port };
}
