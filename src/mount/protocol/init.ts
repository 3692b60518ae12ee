/** The beginning of the protocol: what the kernel offers, and what is taken of it. */
import { MountError } from "../errors.ts";
import { INIT_FLAG, PROTOCOL } from "./opcode.ts";
import type { Agreement } from "./reply.ts";
import type { RequestBody } from "./request.ts";

/** Bytes of one WRITE or READ: with 128 KiB, the kernel's own choice, writing is a quarter slower. */
export const WRITE_BYTES_MAX = 1 << 20;

/** Requests that the kernel makes on its own account at once; its default is 12. */
export const BACKGROUND_MAX = 32;

/**
 * How far the kernel may read ahead: two reads, of which one is answered while the next is on its way. It goes no
 * further than it has set itself for this mount, which is 128 KiB unless `read-ahead.ts` could say more.
 */
export const READ_AHEAD_BYTES = 2 * WRITE_BYTES_MAX;

const PAGE_BYTES = 4096;
const WANTED = Object.values(INIT_FLAG).reduce((all, flag) => all | flag, 0);

/**
 * What is answered to INIT.
 * @throws {MountError} `MOUNT_UNAVAILABLE` when the kernel speaks an older protocol than 7.31
 */
export function agree(offer: Extract<RequestBody, { readonly kind: "init" }>): Agreement {
  const { major, minor, flags } = offer;
  if (major < PROTOCOL.major || (major === PROTOCOL.major && minor < PROTOCOL.minorLeast)) {
    const reason = `the kernel speaks version ${major}.${minor} of the protocol of FUSE`;
    throw new MountError({ code: "MOUNT_UNAVAILABLE", reason }, reason);
  }
  return {
    minor: Math.min(minor, PROTOCOL.minorMost),
    readaheadBytes: READ_AHEAD_BYTES,
    flags: flags & WANTED,
    writeBytesMax: WRITE_BYTES_MAX,
    pagesMax: WRITE_BYTES_MAX / PAGE_BYTES,
    backgroundMax: BACKGROUND_MAX,
  };
}
