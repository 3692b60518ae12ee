/** How handlers want to be run, as it lies in commands, rows and grants. */
import { BUNDLE_PATH_LENGTH_MAX } from "../workflow/bundle.ts";
import {
  CPU_MILLIS_MAX,
  DISK_BYTES_MAX,
  ENVIRONMENT_MAX,
  ENVIRONMENT_NAME_LENGTH_MAX,
  ENVIRONMENT_VALUE_LENGTH_MAX,
  HANDLER_SECRETS_MAX,
  type HandlerNetwork,
  type HandlerProtocol,
  type HandlerRuntime,
  type HandlerSandbox,
  IMAGE_LENGTH_MAX,
  type LineCodec,
  PIDS_MAX,
  SEPARATOR_LENGTH_MAX,
  SILENCE_MS_MAX,
} from "../workflow/handler-runtime.ts";
import { ID_LENGTH_MAX } from "./bounds.ts";
import { bool, type Codec, enumeration, int, text } from "./codec.ts";
import { array, optional, record, struct, trailing } from "./codec-shapes.ts";

/** What a handler says about its running. */
export const handlerRuntimeCodec: Codec<HandlerRuntime> = struct<HandlerRuntime>({
  cpuMillis: optional(int(1, CPU_MILLIS_MAX)),
  diskBytes: optional(int(1, DISK_BYTES_MAX)),
  silenceMs: optional(int(1, SILENCE_MS_MAX)),
  pids: optional(int(1, PIDS_MAX)),
  isEnforced: bool,
  sandbox: optional(enumeration<HandlerSandbox>({ none: 1, strict: 2 })),
  network: optional(enumeration<HandlerNetwork>({ none: 1, host: 2 })),
  image: optional(text(IMAGE_LENGTH_MAX)),
  environment: record(
    text(ENVIRONMENT_NAME_LENGTH_MAX),
    text(ENVIRONMENT_VALUE_LENGTH_MAX),
    ENVIRONMENT_MAX,
  ),
  protocol: optional(enumeration<HandlerProtocol>({ lines: 1, frames: 2 })),
  codec: optional(enumeration<LineCodec>({ tsv: 1, ndjson: 2 })),
  separator: optional(text(SEPARATOR_LENGTH_MAX)),
  isPure: bool,
  main: optional(text(BUNDLE_PATH_LENGTH_MAX)),
  secrets: trailing(array(text(ID_LENGTH_MAX), HANDLER_SECRETS_MAX)),
  unseals: trailing(bool),
});
