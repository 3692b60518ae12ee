/** Names that may be given: asked before something gets one, by the mount for files that it makes itself. */

import { NAME_BYTES_MAX } from "../std/name-bounds.ts";
import { volumeError } from "./errors.ts";

/** @throws {VolumeError} `VOLUME_NAME_INVALID`, `VOLUME_NAME_TOO_LONG` */
export function checkName(name: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (/[\u0000-\u001f\u007f/]/.test(name) || name === "" || name === "." || name === "..") {
    throw volumeError("VOLUME_NAME_INVALID", "no name for a file");
  }
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) {
    throw volumeError("VOLUME_NAME_TOO_LONG", "the name is longer than 255 bytes");
  }
}
