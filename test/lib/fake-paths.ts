/** What the parts of a fake volume share. */
import { JobxError } from "../../src/std/errors.ts";

/** With a slash before it. */
export function normal(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

/** Makes an error of a volume. */
export function failure(code: string): JobxError {
  return new JobxError({ code }, `the volume says ${code}`);
}
