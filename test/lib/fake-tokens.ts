/** Tokens that `fake-cluster.ts` knows. */
import type { Principal } from "../../src/api/ports.ts";

/** One for each role, one for an admin of the workflow `text` only, and one of a handler of that workflow. */
export const TOKENS = {
  read: "read-token",
  submit: "submit-token",
  admin: "admin-token",
  limited: "limited-token",
  handler: "handler-token",
} as const;

/** What a token allows; undefined for one that there is not. */
export function principalOfToken(token: string): Principal | undefined {
  if (token === TOKENS.limited) return { role: "admin", workflows: ["text"] };
  if (token === TOKENS.handler) return { role: "submit", workflows: ["text"], filesOnly: true };
  const role = (["read", "submit", "admin"] as const).find((one) => TOKENS[one] === token);
  return role === undefined ? undefined : { role, workflows: null };
}
