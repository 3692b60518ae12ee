/** The command of a submission, whose arguments are stored, and what its client's key stands for. */
import type { SubmitInput } from "../api/ports.ts";
import type { ClientCommand } from "../scheduler/commands.ts";
import type { Dataset } from "../scheduler/dataset.ts";
import { bodyHash } from "./workflow-writer.ts";

/** `key` is undefined where the client gave none. */
export function submissionCommand(
  input: SubmitInput,
  dataset: Dataset,
): {
  readonly command: ClientCommand;
  readonly key: { readonly key: string; readonly bodyHash: string } | undefined;
} {
  const { job, arguments: pairs, idempotencyKey, keep, objects } = input;
  const parts = [job, pairs, keep ?? null];
  const hash = bodyHash(objects === undefined ? parts : [...parts, objects]);
  const common = { job, arguments: dataset, keep };
  return {
    key: idempotencyKey === undefined ? undefined : { key: idempotencyKey, bodyHash: hash },
    command:
      objects === undefined
        ? { kind: "submit", ...common }
        : { kind: "submit-objects", ...common, objects },
  };
}
