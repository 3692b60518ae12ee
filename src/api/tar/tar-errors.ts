/** Why an archive is not taken. */
import { apiError } from "../errors.ts";

/** The bytes are no archive, or not a whole one. */
export function tarInvalid(reason: string): Error {
  return apiError({ code: "API_TAR_INVALID", reason }, `this is no whole tar archive: ${reason}`);
}

/** A member that is none of files, folders and links, or that leads out. */
export function tarRefused(path: string, reason: string): Error {
  const shown = path.slice(0, 256);
  return apiError({ code: "API_TAR_ENTRY_REFUSED", path: shown, reason }, `${shown}: ${reason}`);
}
