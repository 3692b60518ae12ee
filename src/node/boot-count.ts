/** How often the node has started. */
import { join } from "node:path";
import { JobxError } from "../std/errors.ts";
import { readOrNothing, replaceFile } from "./small-files.ts";

/** In the data directory. */
const BOOT_FILE_NAME = "boot";

/**
 * Counts the starts of this node (R15), durably before anything is named by the number. A number that
 * comes twice would give new commands the answers of old ones, so that they are lost without a word.
 * `isFirst`: nothing can have been named yet.
 * @throws {JobxError} `CLUSTER_FILE_DAMAGED` when the count is gone or cannot be read.
 */
export async function nextBoot(directory: string, isFirst: boolean): Promise<number> {
  const path = join(directory, BOOT_FILE_NAME);
  const text = await readOrNothing(path);
  const before = text === undefined && isFirst ? 0 : countOf(text);
  if (before === undefined) {
    throw new JobxError(
      { code: "CLUSTER_FILE_DAMAGED" },
      `${path}, which counts the starts of this node, ${text === undefined ? "is gone" : "cannot be read"}: ` +
        "restore it, or write a number into it that is larger than it ever was, like that of `date +%s`",
    );
  }
  await replaceFile(path, `${before + 1}\n`, 0o600);
  return before + 1;
}

function countOf(text: string | undefined): number | undefined {
  const count = Number(text);
  return /^[1-9][0-9]*\n?$/u.test(text ?? "") && Number.isSafeInteger(count + 1)
    ? count
    : undefined;
}
