/** Commands whose refusal is one of the answers that were expected. */
import { isJobxError } from "../std/errors.ts";

/** False where the command was refused with that code, and so changed nothing. @throws {unknown} what else `run` throws. */
export async function unlessRefused(code: string, run: () => Promise<unknown>): Promise<boolean> {
  try {
    await run();
    return true;
  } catch (error) {
    if (isJobxError(error) && error.code === code) return false;
    throw error;
  }
}
