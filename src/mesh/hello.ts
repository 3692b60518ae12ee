// The control protocol: a hello, then data and keepalives, one way. Each direction has a stream of
// its own; the only thing that goes back on it is one error frame, after which it is closed.
import { checkVersion, packFields, sizedField, unpackFields, versionField } from "./fields.ts";

/** Name and version in one: another major format gets another name. */
export const CONTROL_PROTOCOL = "/jobx/control/1";

/** Format of the hello and of what follows it. */
export const CONTROL_VERSION = 1;

/** Kinds of frames on a control stream. */
export const CONTROL_KIND = { hello: 0, data: 1, keepalive: 2 } as const;

/** Bytes of the random number that names one process of a node. */
export const BOOT_ID_BYTES = 16;

/** The first frame of a control stream. */
export function encodeHello(bootId: string): Uint8Array {
  return packFields([versionField(CONTROL_VERSION), Buffer.from(bootId, "hex")]);
}

/**
 * The boot id of the peer, in hexadecimal.
 * @throws {JobxError} `MESH_VERSION_UNKNOWN`, `MESH_FRAME_MALFORMED`.
 */
export function decodeHello(payload: Uint8Array): string {
  const [version, bootId] = unpackFields(payload, 2);
  checkVersion(version, CONTROL_VERSION);
  return Buffer.from(sizedField(bootId, BOOT_ID_BYTES)).toString("hex");
}
