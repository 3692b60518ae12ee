// Asks one member after the other for admission.
import type { Connection, Libp2p } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { JobxError } from "../std/errors.ts";
import { nodeOfAddress, parseAddress } from "./addresses.ts";
import { meshError, toError } from "./errors.ts";
import { JOIN_PROTOCOL, joinAsNewcomer, type Ticket } from "./join-protocol.ts";
import { ADDRESS_DIAL_MS } from "./limits.ts";
import type { Membership } from "./membership.ts";

/** What a join carries. */
export interface JoinWish {
  readonly ticket: Ticket;
  readonly request: Uint8Array;
}

/** What a join needs of the mesh. */
export interface JoinContext {
  readonly host: Pick<Libp2p, "dial" | "peerId">;
  readonly membership: Membership;
  /** For one member, from the open connection to its answer, ms. */
  readonly timeoutMs: number;
}

/** See `Mesh.joinVia`. */
export async function askToJoin(
  addresses: readonly string[],
  wish: JoinWish,
  context: JoinContext,
): Promise<Uint8Array> {
  const targets = addresses.map(parseAddress);
  let failure: JobxError | undefined;
  for (const target of targets) {
    try {
      return await askOne(target, wish, context);
    } catch (thrown) {
      if (!(thrown instanceof JobxError)) throw thrown;
      // A member that refused says more than one that could not be reached.
      const says = thrown.code !== "MESH_JOIN_UNREACHABLE";
      if (failure === undefined || says) failure = thrown;
    }
  }
  throw failure ?? unreachableMember("there is no address to join at");
}

async function askOne(
  target: Multiaddr,
  wish: JoinWish,
  context: JoinContext,
): Promise<Uint8Array> {
  const { host, membership } = context;
  const node = nodeOfAddress(target);
  membership.ask(node);
  try {
    const connection = await dial(target, host);
    try {
      return await inTime(connection, exchange(connection, wish, host), context.timeoutMs);
    } finally {
      connection.close().catch((thrown: unknown) => connection.abort(toError(thrown)));
    }
  } finally {
    membership.asked(node);
  }
}

/** Ends the connection, and with it the exchange, when its time is over. */
async function inTime<T>(connection: Connection, work: Promise<T>, ms: number): Promise<T> {
  const late = AbortSignal.timeout(ms);
  const abort = (): void => connection.abort(new Error("joining took too long"));
  late.addEventListener("abort", abort);
  try {
    return await work;
  } catch (cause) {
    if (!late.aborted) throw cause;
    throw meshError({ code: "MESH_JOIN_TIMEOUT" }, "the member did not answer in time", { cause });
  } finally {
    late.removeEventListener("abort", abort);
  }
}

async function dial(target: Multiaddr, host: Pick<Libp2p, "dial">): Promise<Connection> {
  try {
    const signal = AbortSignal.timeout(ADDRESS_DIAL_MS);
    return await host.dial(target, { force: true, signal });
  } catch (cause) {
    throw unreachableMember("a member could not be reached", { cause });
  }
}

async function exchange(
  connection: Connection,
  wish: JoinWish,
  host: Pick<Libp2p, "peerId">,
): Promise<Uint8Array> {
  const parties = { joiner: host.peerId.toString(), member: connection.remotePeer.toString() };
  let stream: Awaited<ReturnType<Connection["newStream"]>>;
  try {
    stream = await connection.newStream(JOIN_PROTOCOL);
  } catch (cause) {
    throw closedBy(cause);
  }
  try {
    return await joinAsNewcomer(stream, parties, wish);
  } catch (cause) {
    if (cause instanceof JobxError && cause.code === "MESH_STREAM_BROKEN") throw closedBy(cause);
    throw cause;
  }
}

/** Full, or it does not want us: the other side's gater may close only after our dial and stream are open. */
function closedBy(cause: unknown): JobxError {
  const message = "a member closed the connection; it is full, or this node was removed before";
  return unreachableMember(message, { cause });
}

function unreachableMember(message: string, options?: ErrorOptions): JobxError {
  return meshError({ code: "MESH_JOIN_UNREACHABLE" }, message, options);
}
