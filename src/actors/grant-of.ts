/** A grant with all that its executor needs to begin, as the rows have it now. */
import { rowOf } from "../scheduler/apply-kit.ts";
import { openPlaces } from "../scheduler/attempt-block.ts";
import type { Envelope } from "../scheduler/commands.ts";
import type { Effect } from "../scheduler/effects.ts";
import { keys } from "../scheduler/keys.ts";
import type { Grant } from "../scheduler/protocol.ts";
import type { AttemptRow, Row } from "../scheduler/rows.ts";
import { invocationId, requestId, type Token } from "../scheduler/unit.ts";
import { inputsOf, workOf } from "../scheduler/work-of.ts";
import type { Replica } from "./replica.ts";

/** Undefined when the request of the attempts has ended since they were granted. */
export async function grantOf(
  replica: Pick<Replica<Row, Envelope, Effect>, "query">,
  workflow: { readonly name: string; readonly group: number },
  granted: { readonly token: Token; readonly attempt: AttemptRow },
): Promise<Grant | undefined> {
  const { token, attempt } = granted;
  const { unit, step } = attempt;
  const work = await replica.query((view) => workOf(view, attempt));
  if (work === undefined) return undefined;
  const request = requestId(workflow.name, workflow.group, unit.request);
  const invocation = invocationId(request, unit.path);
  const count = openPlaces(attempt.open).length;
  if (unit.kind === "map") {
    return { token, count, request, invocation, step, inputs: { kind: "none" }, work };
  }
  const key = keys.invocation(unit.request, unit.path);
  const row = await replica.query((view) => rowOf(view, "invocation", key));
  return { token, count, request, invocation, step, inputs: inputsOf(unit, row), work };
}
