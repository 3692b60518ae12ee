/** What the client says when no node gave an answer that it could use. */
import { JobxError } from "../std/errors.ts";

/** Errors of the client itself. */
export type ClientErrorDetails =
  | { readonly code: "CLIENT_UNREACHABLE"; readonly url: string; readonly reason: string }
  | { readonly code: "CLIENT_ANSWER_INVALID"; readonly url: string }
  | { readonly code: "CLIENT_RESULT_BROKEN"; readonly url: string; readonly request: string };

/** Makes the error; a function, so that the union is checked where the code is written. */
export function clientError(
  details: ClientErrorDetails,
  message: string,
  options?: ErrorOptions,
): JobxError<ClientErrorDetails> {
  return new JobxError(details, message, options);
}
