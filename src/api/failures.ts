/** From an error to an answer `{code, message, details}` with the status of its code. */
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { type ApiErrorDetails, apiError, isJobxError } from "./errors.ts";
import { HEADER_BYTES_MAX, RETRY_AFTER_S } from "./limits.ts";
import { mayRetryLater, statusOf } from "./status.ts";
import { inputError, isMapping } from "./values.ts";

/** Characters of an unknown member's name that are told. */
const UNKNOWN_LENGTH_MAX = 100;

/** The body of every answer that is not a success. */
export interface FailureBody {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Body of an operating error. */
export function failureBody(error: JobxError): FailureBody {
  const { code, ...details } = error.details;
  return { code, message: error.message, details };
}

/** Answers with the error; what nobody expected is logged and not shown. */
export function sendFailure(
  thrown: unknown,
  request: FastifyRequest,
  answer: { readonly reply: FastifyReply; readonly log: Log },
): void {
  const error = toOperatingError(thrown, request);
  const status = statusOf(error.code);
  if (status === 500) {
    answer.log.error("a call failed unexpectedly", {
      method: request.method,
      route: request.routeOptions.url,
      error: thrown,
    });
  }
  if (mayRetryLater(status)) answer.reply.header("retry-after", String(retryAfterS(error)));
  if (status === 401) answer.reply.header("www-authenticate", "Bearer");
  answer.reply.code(status).send(failureBody(error));
}

/** Who is refused so that others are served has a time of its own; what else is full or away is soon better. */
function retryAfterS({ details }: JobxError): number {
  return isOverload(details) ? details.retryAfterS : RETRY_AFTER_S;
}

function isOverload(details: object): details is ApiErrorDetails & { code: "API_OVERLOADED" } {
  return "code" in details && details.code === "API_OVERLOADED" && "retryAfterS" in details;
}

/** The answer to bytes that are no HTTP request: written as it is, since there is nothing to reply to. */
export function rawFailure(cause: Error & { readonly code?: string }): string {
  const error = httpError(cause);
  const status = statusOf(error.code);
  const body = JSON.stringify(failureBody(error));
  return [
    `HTTP/1.1 ${status} ${error.code}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${new TextEncoder().encode(body).length}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}

function httpError(cause: Error & { readonly code?: string }): JobxError<ApiErrorDetails> {
  switch (cause.code ?? "") {
    case "HPE_HEADER_OVERFLOW":
      return apiError(
        { code: "API_HEADERS_TOO_LARGE", bytesMax: HEADER_BYTES_MAX },
        `the headers are larger than ${HEADER_BYTES_MAX} bytes`,
      );
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return apiError({ code: "API_REQUEST_TOO_SLOW" }, "the request did not arrive in time");
    default:
      return apiError(
        { code: "API_HTTP_INVALID", reason: cause.code ?? "unknown" },
        "this is not an HTTP request",
      );
  }
}

function toOperatingError(thrown: unknown, request: FastifyRequest): JobxError {
  if (isJobxError(thrown)) return thrown;
  if (isFrameworkError(thrown)) {
    const known = fromFramework(thrown, request);
    if (known !== undefined) return known;
  }
  return apiError({ code: "API_INTERNAL" }, "something went wrong inside this node; see its log");
}

function isFrameworkError(thrown: unknown): thrown is FastifyError {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string";
}

function fromFramework(error: FastifyError, request: FastifyRequest): JobxError | undefined {
  if (error.validation !== undefined) return validationError(error);
  switch (error.code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE": {
      const bytesMax = request.routeOptions.bodyLimit;
      return apiError(
        { code: "API_BODY_TOO_LARGE", bytesMax },
        `the body is larger than ${bytesMax} bytes`,
      );
    }
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return apiError(
        { code: "API_MEDIA_TYPE_UNKNOWN", expected: "application/json" },
        "expected a body of type application/json",
      );
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return apiError(
        { code: "API_HTTP_INVALID", reason: error.code },
        "the body is not as long as its header says",
      );
    case "FST_ERR_BAD_URL":
    case "FST_ERR_MAX_PARAM_LENGTH":
      return apiError({ code: "API_URL_INVALID" }, "the URL is malformed");
    default:
      return undefined;
  }
}

function validationError(error: FastifyError): JobxError {
  const first = error.validation?.[0];
  const place = (first?.instancePath ?? "").slice(1).replaceAll("/", ".");
  const path = [error.validationContext ?? "body", place].filter((part) => part !== "").join(".");
  const extra = first?.params["additionalProperty"];
  if (typeof extra === "string") {
    const allowed = memberNames(first).join(", ");
    const unknown = `${path}.${extra.slice(0, UNKNOWN_LENGTH_MAX)}`;
    return inputError(unknown, allowed === "" ? "nothing here" : `none but these: ${allowed}`);
  }
  return inputError(path, `a value that ${first?.message ?? "fits"}`);
}

/** The members that the schema has which a value did not fit; it comes with the error (`verbose`). */
function memberNames(error: object | undefined): readonly string[] {
  const schema: unknown = error && Object.getOwnPropertyDescriptor(error, "parentSchema")?.value;
  const properties = isMapping(schema) ? schema["properties"] : undefined;
  return isMapping(properties) ? Object.keys(properties).sort() : [];
}
