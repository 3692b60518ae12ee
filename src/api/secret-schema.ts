/** Shapes of what is said about secrets. */
import { SECRET_NAME_PATTERN } from "../workflow/names.ts";
import { type JsonSchema, list, NATURAL, object, TEXT } from "./json-schema.ts";
import { WORKFLOW_PARAMS } from "./schema.ts";
import type { PublicKeyView, SecretAt, SecretsView, SecretView } from "./secret-port.ts";

/** Characters of a value: their bytes have a bound of their own, which is lower. */
export const SECRET_VALUE_LENGTH_MAX = 64 * 1024;

export const SECRET_PARAMS = {
  ...WORKFLOW_PARAMS,
  required: ["workflow", "name"],
  properties: {
    ...WORKFLOW_PARAMS.properties,
    name: { type: "string", pattern: SECRET_NAME_PATTERN },
  },
} as const satisfies JsonSchema;

export const SECRET_BODY = {
  type: "object",
  additionalProperties: false,
  required: ["value"],
  properties: { value: { type: "string", maxLength: SECRET_VALUE_LENGTH_MAX } },
} as const satisfies JsonSchema;

export const SECRET = object<SecretView>("Secret", { name: TEXT, bytes: NATURAL, set: TEXT });

export const SECRETS = object<SecretsView>("Secrets", { workflow: TEXT, secrets: list(SECRET) });

export const SECRET_REMOVED = object<SecretAt>("SecretRemoved", { workflow: TEXT, name: TEXT });

export const PUBLIC_KEY = object<PublicKeyView>("PublicKey", { workflow: TEXT, publicKey: TEXT });
