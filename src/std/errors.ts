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

/** What can be told of an error to another node: its plain details, without the code. */
export type PlainDetails = Readonly<Record<string, string | number | boolean>>;

/** An error as another node is told of it. */
export interface ToldError {
  readonly code: string;
  readonly message: string;
  readonly details: PlainDetails;
}

/** Details that are told at most, and characters of each name and text; what is more stays here. */
const DETAILS_MAX = 16;
const DETAIL_LENGTH_MAX = 1024;

/** The details of an error that are texts, whole numbers and yes or no. */
export function plainDetails({ details }: JobxError): PlainDetails {
  const told: [string, string | number | boolean][] = [];
  for (const [name, value] of Object.entries<unknown>(details)) {
    if (name === "code" || name.length > DETAIL_LENGTH_MAX || told.length >= DETAILS_MAX) continue;
    const isText = typeof value === "string" && value.length <= DETAIL_LENGTH_MAX;
    if (isText || typeof value === "boolean") told.push([name, value]);
    if (typeof value === "number" && Number.isSafeInteger(value)) told.push([name, value]);
  }
  return Object.fromEntries(told);
}

/** What went wrong, in one line, whatever was thrown. */
export function errorText(error: unknown): string {
  if (isJobxError(error)) return `${error.code}: ${error.message}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
