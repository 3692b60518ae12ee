/**
 * What a program can say and read: the commands in its logs and the messages between its nodes, each with
 * the cluster version from which it may be used (R10). The simulator gives some of its nodes that of a later
 * program; all else of theirs is this one's.
 */
import type { Machines } from "../actors/machine.ts";
import { messageVersion } from "../actors/message-versions.ts";
import type { PeerMessage } from "../actors/ports.ts";
import { applyEnvelope } from "../scheduler/apply.ts";
import { commandVersion } from "../scheduler/command-versions.ts";
import { applySystemEnvelope } from "../scheduler/system/apply.ts";
import { versionNeeded } from "../scheduler/system/versions.ts";
import { payloadFormat } from "../wire/command.ts";
import { systemPayloadFormat } from "../wire/system.ts";

export interface Vocabulary {
  readonly machines: Machines;
  /** The lowest cluster version in which a message may be sent. Pure. */
  readonly messageVersion: (message: PeerMessage) => number;
}

/** This program's. */
export const VOCABULARY: Vocabulary = {
  machines: {
    workflow: {
      payloads: payloadFormat,
      versionNeeded: ({ command }) => commandVersion(command),
      apply: applyEnvelope,
    },
    system: {
      payloads: systemPayloadFormat,
      versionNeeded: ({ command }) => versionNeeded(command),
      apply: applySystemEnvelope,
    },
  },
  messageVersion,
};
