/** What can be wrong with what a node is told at its start. */
import { JobxError } from "../../std/errors.ts";

export type ConfigErrorDetails =
  | { readonly code: "CONFIG_INVALID"; readonly option: string; readonly source: string }
  | { readonly code: "CONFIG_KEY_UNKNOWN"; readonly key: string; readonly source: string }
  | { readonly code: "CONFIG_FILE_UNREADABLE"; readonly path: string }
  | { readonly code: "CONFIG_FILE_INVALID"; readonly path: string; readonly line: number };

export class ConfigError extends JobxError<ConfigErrorDetails> {}
