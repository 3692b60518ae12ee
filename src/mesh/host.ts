// The libp2p host: TCP, TLS before noise, yamux, and libraries' services that serve members only.
import type { GossipSub, GossipSubComponents } from "@libp2p/gossipsub";
import { type Identify, type IdentifyComponents, identify } from "@libp2p/identify";
import type { Connection, ConnectionGater, Ed25519PrivateKey, Libp2p } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { tls } from "@libp2p/tls";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import { meshError, toError } from "./errors.ts";
import { gossipService } from "./gossip.ts";
import { joinedEncrypter, joinedMuxer } from "./joined-writes.ts";
import {
  ADDRESS_DIAL_MS,
  CONNECTIONS_MAX,
  DIAL_MS,
  HELLO_MS,
  INBOUND_CONNECTIONS_PER_SECOND,
  INBOUND_PENDING_MAX,
  PARALLEL_DIALS_MAX,
  READ_BUFFER_BYTES_MAX,
  STREAMS_PER_CONNECTION_MAX,
  WINDOW_BYTES_MAX,
} from "./limits.ts";

/** The host with the libraries' services that the mesh uses. */
export type Host = Libp2p<{ identify: Identify; gossip: GossipSub }>;

/** How long the host waits for connections to close gracefully, ms. */
const CLOSE_MS = 500;

/** What the host needs. */
export interface HostOptions {
  readonly privateKey: Ed25519PrivateKey;
  readonly listen: readonly string[];
  readonly advertise: readonly string[];
  readonly gater: ConnectionGater;
  /** Whether services of libraries may talk on this connection. */
  readonly serves: (connection: Connection) => boolean;
}

/** Makes a host that is not started yet. */
export function createHost(options: HostOptions): Promise<Host> {
  return createLibp2p({
    start: false,
    privateKey: options.privateKey,
    addresses: { listen: [...options.listen], announce: [...options.advertise] },
    transports: [tcp()],
    connectionEncrypters: [joinedEncrypter(tls()), joinedEncrypter(noise())],
    streamMuxers: [
      joinedMuxer(
        yamux({
          maxInboundStreams: STREAMS_PER_CONNECTION_MAX,
          maxOutboundStreams: STREAMS_PER_CONNECTION_MAX,
          streamOptions: {
            maxStreamWindowSize: WINDOW_BYTES_MAX,
            maxReadBufferLength: READ_BUFFER_BYTES_MAX,
          },
        }),
      ),
    ],
    connectionGater: options.gater,
    // It pings and kills connections by its own idea of silence; ours allows for stalls.
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      maxParallelDials: PARALLEL_DIALS_MAX,
      maxIncomingPendingConnections: INBOUND_PENDING_MAX,
      inboundConnectionThreshold: INBOUND_CONNECTIONS_PER_SECOND,
      dialTimeout: DIAL_MS,
      addressDialTimeout: ADDRESS_DIAL_MS,
      inboundUpgradeTimeout: HELLO_MS,
      inboundStreamProtocolNegotiationTimeout: HELLO_MS,
      outboundStreamProtocolNegotiationTimeout: HELLO_MS,
      connectionCloseTimeout: CLOSE_MS,
      reconnectRetries: 0,
    },
    services: {
      identify: (components) => identifyService(guarded(components, options.serves)),
      gossip: (components) => gossipService(guarded(components, options.serves)),
    },
  });
}

/**
 * Starts the host, which listens on all of `listen`.
 * @throws {JobxError} `MESH_LISTEN_FAILED` with the addresses that cannot be had, each with its reason.
 */
export async function startHost(host: Host, listen: readonly string[]): Promise<void> {
  try {
    await host.start();
  } catch (cause) {
    const { name, message } = toError(cause);
    if (name !== "UnsupportedListenAddressesError") throw cause;
    // The library has a line per address, after advice that is for its callers only.
    const lines = message.split("\n").map((line) => line.trim());
    const failed = listen.flatMap((address) => {
      const line = lines.find((one) => one.startsWith(`${address}: `));
      return line === undefined ? [] : [{ address, reason: line.slice(address.length + 2) }];
    });
    const addresses = failed.length === 0 ? listen : failed.map(({ address }) => address);
    const reason = [...new Set(failed.map((one) => one.reason))].join("; ") || "the system refused";
    throw meshError(
      { code: "MESH_LISTEN_FAILED", addresses, reason },
      `cannot listen on ${addresses.join(", ")}: ${reason}; ` +
        "give an address of this machine with a free port to --listen",
      { cause },
    );
  }
}

/** Identify is run by the mesh, when a peer's control streams are open, and for members only. */
function identifyService(components: IdentifyComponents): Identify {
  return identify({ runOnConnectionOpen: false, timeout: HELLO_MS })(components);
}

type Guardable = GossipSubComponents & IdentifyComponents;
type Registrar = Guardable["registrar"];

/**
 * The components with a registrar whose handlers see streams of members only. The library's own
 * middleware will not do: it appends each stream's handler to the list that it was given.
 */
function guarded(components: Guardable, serves: (connection: Connection) => boolean): Guardable {
  const { registrar } = components;
  const guard: Registrar = {
    getProtocols: () => registrar.getProtocols(),
    getHandler: (protocol) => registrar.getHandler(protocol),
    getTopologies: (protocol) => registrar.getTopologies(protocol),
    getMiddleware: (protocol) => registrar.getMiddleware(protocol),
    use: (protocol, middleware) => registrar.use(protocol, middleware),
    unuse: (protocol) => registrar.unuse(protocol),
    register: (protocol, topology, options) => registrar.register(protocol, topology, options),
    unregister: (id) => registrar.unregister(id),
    unhandle: (protocol, options) => registrar.unhandle(protocol, options),
    handle: (protocol, handler, options) =>
      registrar.handle(
        protocol,
        (stream, connection) => {
          if (serves(connection)) return handler(stream, connection);
          stream.abort(new Error("members only"));
        },
        options,
      ),
  };
  return {
    privateKey: components.privateKey,
    peerId: components.peerId,
    peerStore: components.peerStore,
    connectionManager: components.connectionManager,
    addressManager: components.addressManager,
    events: components.events,
    nodeInfo: components.nodeInfo,
    logger: components.logger,
    registrar: guard,
  };
}
