/** How much one object may take of a node's disk, looked at while it is written. */
import { statfs } from "node:fs/promises";
import { noRoom } from "./coded.ts";
import { ObjectError } from "./errors.ts";

/** Bytes of one object as it is fetched, and again unpacked: more is a mistake, or belongs into parts. */
export const OBJECT_BYTES_MAX: number = 64 * 1024 ** 3;

/** Less than this is left free for all else that the node writes, as where it warns of a full disk. */
export const RESERVE_BYTES: number = 64 * 1024 * 1024;

/** Between two looks at what is free, bytes. */
const LOOK_BYTES = 16 * 1024 * 1024;

/** Room for objects. */
export interface Room {
  readonly bytesMax: number;
  readonly freeBytes: () => Promise<number>;
}

/** Of the disk on which `directory` is. */
export function roomOn(directory: string): Room {
  const freeBytes = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  };
  return { bytesMax: OBJECT_BYTES_MAX, freeBytes };
}

/**
 * The content, for as long as there is room for it.
 * @throws {JobxError} `OBJECT_DAMAGED` above `bytesMax`, which no other node changes; `OBJECT_NO_ROOM` with
 * less than `RESERVE_BYTES` free; as `content`.
 */
export async function* within(
  content: AsyncIterable<Uint8Array>,
  of: { readonly object: string; readonly room: Room },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { object, room } = of;
  let bytes = 0;
  let lookAt = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > room.bytesMax) throw tooLarge(object, room.bytesMax);
    if (bytes > lookAt) {
      lookAt = bytes + LOOK_BYTES;
      if ((await room.freeBytes()) < RESERVE_BYTES) {
        throw noRoom(object, `less than ${RESERVE_BYTES} bytes are free on the disk`);
      }
    }
    yield chunk;
  }
}

function tooLarge(object: string, bytesMax: number): ObjectError {
  const message = `${object} has more than ${bytesMax} bytes`;
  return new ObjectError({ code: "OBJECT_DAMAGED", object }, message);
}
