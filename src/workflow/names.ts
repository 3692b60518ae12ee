/** Names of workflows, steps, jobs, handlers and capabilities: they go into keys, topics and URLs as they are. */

/** A letter or `_`, then letters, digits, `_` and dots; 128 characters at most. */
export const NAME_PATTERN = "^[A-Za-z_][A-Za-z0-9_.]{0,127}$";

/** The rule in words, for messages. */
export const NAME_RULE =
  "a letter or _, then letters, digits, _ and dots, at most 128 characters in all";

const NAME = new RegExp(NAME_PATTERN, "u");

/** Whether `text` may name a workflow, step, job or handler. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** Names of secrets: they name attributes and files, and variables of an environment. */
export const SECRET_NAME_PATTERN = "^[A-Za-z_][A-Za-z0-9_]{0,63}$";

/** The rule of secrets' names in words, for messages. */
export const SECRET_NAME_RULE = "a letter or _, then letters, digits and _, at most 64 in all";

const SECRET_NAME = new RegExp(SECRET_NAME_PATTERN, "u");

/** Whether `text` may name a secret. */
export function isSecretName(text: string): boolean {
  return SECRET_NAME.test(text);
}

const CAPABILITY = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** The rule of capabilities in words, for messages. */
export const CAPABILITY_RULE =
  "a letter or digit, then letters, digits, _, . and -, at most 64 characters in all";

/** Whether a node may offer `text` and a handler require it. Case means nothing. */
export function isCapability(text: string): boolean {
  return CAPABILITY.test(text);
}
