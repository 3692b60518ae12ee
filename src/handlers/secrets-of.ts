/** Which secrets a handler is given. */
import type { HandlerRef } from "../wire/dataset.ts";
import type { Secrets } from "../wire/worker-protocol.ts";

/** Of the values those that the handler names; undefined for none. */
export function secretsOf(
  { runtime }: Pick<HandlerRef, "runtime">,
  values: Secrets | undefined,
): Secrets | undefined {
  const names = runtime?.secrets;
  if (names === undefined || values === undefined) return undefined;
  const known = names.flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(known);
}
