/** Handler files that are checked together. */
import type { HandlerFile } from "../../api/ports.ts";
import type {
  HandlerFile as CheckedFile,
  HandlerCheck,
  HandlerDefinition,
  SourceError,
} from "../../handlers/handler-check.ts";

/** Handler files on their way to the thread at once: each may have a mebibyte. */
const CHECKS_AT_ONCE = 4;

/** What a check of handlers says. */
export type HandlersCheck =
  | { readonly kind: "accepted"; readonly definitions: readonly HandlerDefinition[] }
  | { readonly kind: "refused"; readonly errors: readonly SourceError[] };

/** Whether all of the files may become handlers, or the errors of those that may not. Rejects as `check`. */
export async function checkAll(
  files: readonly HandlerFile[],
  check: (file: CheckedFile) => Promise<HandlerCheck>,
): Promise<HandlersCheck> {
  const definitions: HandlerDefinition[] = [];
  const errors: SourceError[] = [];
  for (let at = 0; at < files.length; at += CHECKS_AT_ONCE) {
    const checks = files
      .slice(at, at + CHECKS_AT_ONCE)
      .map(({ name, path, source }) => check({ name, file: path, source }));
    for (const done of await Promise.all(checks)) {
      if (done.kind === "accepted") definitions.push(done.definition);
      else errors.push(...done.errors);
    }
  }
  return errors.length > 0 ? { kind: "refused", errors } : { kind: "accepted", definitions };
}
