// Gossip: what may be lost and is soon stale. The library is behind this interface, and nothing that
// must be right depends on it.
import {
  type GossipSub,
  type GossipSubComponents,
  gossipsub,
  TopicValidatorResult,
} from "@libp2p/gossipsub";
import { JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { meshError, toError } from "./errors.ts";
import { GOSSIP_BYTES_MAX, GOSSIP_TOPICS_MAX, WRITE_BYTES } from "./limits.ts";
import type { NodeId } from "./ports.ts";

/**
 * Called for every message of a topic but our own; `from` signed it and is a member. May throw a
 * `JobxError` for what it cannot read: the message is dropped.
 */
export type GossipHandler = (from: NodeId, bytes: Uint8Array) => void;

/** Best effort, in no order; a message comes at most once. */
export interface Gossip {
  /**
   * Sends to whoever subscribes; nobody may.
   * @throws {JobxError} `MESH_FRAME_TOO_LARGE` above `GOSSIP_BYTES_MAX`.
   */
  publish(topic: string, bytes: Uint8Array): void;
  /**
   * One handler per topic; returns how to stop.
   * @throws {JobxError} `MESH_TOPICS_FULL` above `GOSSIP_TOPICS_MAX` topics.
   */
  subscribe(topic: string, handler: GossipHandler): () => void;
}

/** The library's service with settings for a closed cluster. */
export function gossipService(components: GossipSubComponents): GossipSub {
  return gossipsub({
    // The default punishes more than ten peers on one address, as on one machine or behind one
    // translator; a closed cluster needs no defence against that.
    scoreParams: { IPColocationFactorWeight: 0 },
    globalSignaturePolicy: "StrictSign",
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    fallbackToFloodsub: false,
    emitSelf: false,
    doPX: false,
    tagMeshPeers: false,
    canRelayMessage: false,
    maxInboundStreams: 64,
    maxOutboundStreams: 64,
    maxInboundDataLength: WRITE_BYTES,
    maxOutboundBufferSize: 4 * WRITE_BYTES,
    decodeRpcLimits: {
      maxSubscriptions: 256,
      maxMessages: 1_024,
      maxControlMessages: 256,
      maxIhaveMessageIDs: 5_000,
      maxIwantMessageIDs: 5_000,
      maxIdontwantMessageIDs: 5_000,
      maxPeerInfos: 0,
    },
  })(components);
}

/** Our interface over the library's. `isMember` decides whose messages count and are passed on. */
export function createGossip(
  library: GossipSub,
  options: { readonly isMember: (node: NodeId) => boolean; readonly log: Log },
): Gossip {
  const handlers = new Map<string, GossipHandler>();
  library.addEventListener("message", (event) => {
    const { detail } = event;
    if (detail.type !== "signed") return;
    try {
      handlers.get(detail.topic)?.(detail.from.toString(), detail.data);
    } catch (thrown) {
      if (!(thrown instanceof JobxError)) throw thrown;
      options.log.debug("a gossip message cannot be read", {
        topic: detail.topic,
        code: thrown.code,
      });
    }
  });
  return {
    publish(topic, bytes) {
      checkSize(bytes);
      library.publish(topic, bytes).catch((thrown: unknown) => {
        options.log.debug("a gossip message was not sent", { topic, error: toError(thrown) });
      });
    },
    subscribe(topic, handler) {
      if (!handlers.has(topic) && handlers.size >= GOSSIP_TOPICS_MAX) {
        throw meshError(
          { code: "MESH_TOPICS_FULL", topicsMax: GOSSIP_TOPICS_MAX },
          "this node subscribes to too many topics",
        );
      }
      handlers.set(topic, handler);
      library.topicValidators.set(topic, (_peer, message) => {
        const known = message.type === "signed" && options.isMember(message.from.toString());
        const fits = message.data.length <= GOSSIP_BYTES_MAX;
        // Ignored, not punished: our list of members may be behind the one who passed it on.
        return known && fits ? TopicValidatorResult.Accept : TopicValidatorResult.Ignore;
      });
      library.subscribe(topic);
      return () => {
        handlers.delete(topic);
        library.unsubscribe(topic);
        library.topicValidators.delete(topic);
      };
    },
  };
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length <= GOSSIP_BYTES_MAX) return;
  throw meshError(
    { code: "MESH_FRAME_TOO_LARGE", bytes: bytes.length, bytesMax: GOSSIP_BYTES_MAX },
    "a gossip message is too large",
  );
}
