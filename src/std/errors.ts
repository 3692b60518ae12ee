/** An operating error: expected, handled by the caller by its `code`. */
export class JobxError<Details extends { code: string } = { code: string }> extends Error {
  override readonly name = "JobxError";
  readonly details: Details;

  constructor(details: Details, message: string, options?: ErrorOptions) {
    super(message, options);
    this.details = details;
  }

  get code(): Details["code"] {
    return this.details.code;
  }
}

/** True for operating errors of any folder; their details have at least a code. */
export function isJobxError(
  error: unknown,
): error is JobxError<{ code: string; leader?: unknown }> {
  return error instanceof JobxError;
}

/** What went wrong, in one line, whatever was thrown. */
export function errorText(error: unknown): string {
  if (isJobxError(error)) return `${error.code}: ${error.message}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
