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
