/** What a node must offer to run a handler. */
import { ENFORCED_CAPABILITY, SANDBOX_CAPABILITY } from "../handlers/limits/report.ts";
import type { HandlerRuntime } from "../wire/handler-metadata.ts";
import { allOf } from "../workflow/required-capability.ts";

/** The capability that it names itself, and those that the way it wants to be run takes. */
export function requiredOf(handler: {
  readonly requiredCapability: string;
  readonly runtime: HandlerRuntime | undefined;
}): string {
  const { requiredCapability, runtime } = handler;
  return allOf([
    requiredCapability,
    ...(runtime?.isEnforced === true ? [ENFORCED_CAPABILITY] : []),
    ...(runtime?.sandbox === "strict" ? [SANDBOX_CAPABILITY] : []),
  ]);
}
