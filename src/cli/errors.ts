/** What the command line refuses before it asks the cluster. */
import { JobxError } from "../std/errors.ts";

/** Errors that this folder makes. */
export type CliErrorDetails =
  | { readonly code: "CLI_USAGE"; readonly command: string }
  | { readonly code: "CLI_ATTRIBUTE_UNKNOWN"; readonly name: string }
  | { readonly code: "CLI_FILE_UNREADABLE"; readonly path: string }
  | { readonly code: "CLI_FILE_UNWRITABLE"; readonly path: string }
  | { readonly code: "CLI_FILE_TOO_LARGE"; readonly path: string; readonly bytesMax: number }
  | { readonly code: "CLI_FILE_NOT_UTF8"; readonly path: string; readonly line: number }
  | { readonly code: "CLI_BUNDLE_TOO_LARGE"; readonly path: string }
  | { readonly code: "CLI_FOLDER_TOO_LARGE"; readonly path: string; readonly filesMax: number }
  | { readonly code: "CLI_IMAGE_INVALID"; readonly path: string }
  | { readonly code: "CLI_IMAGE_UNKNOWN"; readonly image: string }
  | { readonly code: "CLI_YAML_INVALID"; readonly path: string; readonly line: number };

/** Makes the error; a function, so that the union is checked where the code is written. */
export function cliError(
  details: CliErrorDetails,
  message: string,
  options?: ErrorOptions,
): JobxError<CliErrorDetails> {
  return new JobxError(details, message, options);
}
