/** Tokens that `fake-cluster.ts` knows. */
import type { Principal } from "../../src/api/ports.ts";

/** One for each role, and one for an admin of the workflow `text` only. */
export const TOKENS = {
  read: "read-token",
  submit: "submit-token",
  admin: "admin-token",
  limited: "limited-token",
} as const;

/** What a token allows; undefined for one that there is not. */
export function principalOfToken(token: string): Principal | undefined {
  if (token === TOKENS.limited) return { role: "admin", workflows: ["text"] };
  const role = (["read", "submit", "admin"] as const).find((one) => TOKENS[one] === token);
  return role === undefined ? undefined : { role, workflows: null };
}
