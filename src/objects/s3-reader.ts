/**
 * Objects in S3, of AWS or of any service that speaks its protocol. Credentials are those of the node's
 * environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), and nothing of them is
 * written or logged; without them calls are not signed, which public buckets allow.
 */
import { matchesGlob } from "node:path";
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import type { ObjectRef, ObjectSource } from "../wire/object-source.ts";
import { ObjectError, saying } from "./errors.ts";
import { failing, fetchFailed } from "./http-reader.ts";
import type { Listed, ObjectReader, OfType, OpenedObject } from "./ports.ts";

type S3Source = OfType<ObjectSource, "s3">;
type S3Object = OfType<ObjectRef, "s3">;
type Place = Pick<S3Source, "endpoint" | "region">;

/** What the environment says of S3. */
export type S3Environment = Readonly<Record<string, string | undefined>>;

/** Clients that are kept: one for each endpoint and region. */
const CLIENTS_MAX = 32;

/** An answer that does not begin for so long is given up, and asked for again. */
const ANSWER_MS_MAX = 30_000;

/** Fulfils the port for S3. */
export class S3Reader implements ObjectReader<"s3"> {
  readonly #environment: S3Environment;
  readonly #answerMs: number;
  readonly #clients = new Map<string, Promise<S3Client>>();

  /** `answerMs`: as `ANSWER_MS_MAX`. */
  constructor(environment: S3Environment, answerMs: number = ANSWER_MS_MAX) {
    this.#environment = environment;
    this.#answerMs = answerMs;
  }

  async *list(
    source: S3Source,
    after: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Listed<S3Object>, void, undefined> {
    const { bucket, prefix, match, endpoint, region } = source;
    const { ListObjectsV2Command } = await import("@aws-sdk/client-s3");
    const client = await this.#client(source);
    let startAfter = after;
    for (;;) {
      const page = await client
        .send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, StartAfter: startAfter }),
          {
            abortSignal: signal,
          },
        )
        .catch((cause: unknown) => {
          const at = `s3://${bucket}/${prefix}`;
          const details = { code: "OBJECT_LIST_FAILED", source: at } as const;
          throw new ObjectError(details, `${at} cannot be listed: ${told(cause)}`, { cause });
        });
      for (const { Key: key, Size: bytes = 0, ETag: version } of page.Contents ?? []) {
        if (key === undefined) continue;
        startAfter = key;
        // Folders that a console has made are empty objects.
        if (key.endsWith("/") && bytes === 0) continue;
        if (match !== undefined && !matchesGlob(key, match)) continue;
        yield { at: key, object: { type: "s3", bucket, key, endpoint, region, bytes, version } };
      }
      if (page.IsTruncated !== true) return;
      // A page of which nothing is wanted is behind as well.
      if (startAfter !== undefined) yield { at: startAfter, object: undefined };
    }
  }

  async open(
    object: S3Object,
    _known: string | undefined,
    signal: AbortSignal,
  ): Promise<OpenedObject> {
    const { bucket, key } = object;
    const name = `s3://${bucket}/${key}`;
    const { GetObjectCommand } = await import("@aws-sdk/client-s3");
    const client = await this.#client(object);
    try {
      const command = new GetObjectCommand({ Bucket: bucket, Key: key });
      const answer = await client.send(command, { abortSignal: signal });
      const { Body: body, ContentLength: bytes, ETag: version } = answer;
      if (body === undefined) throw new Error("the answer has no body");
      return { content: failing(body.transformToWebStream(), name), bytes, version };
    } catch (cause) {
      if (!isMissing(cause)) throw fetchFailed(name, told(cause), cause);
      const details = { code: "OBJECT_MISSING", object: name } as const;
      throw new ObjectError(details, `${name} cannot be fetched: ${told(cause)}`, { cause });
    }
  }

  #client(place: Place): Promise<S3Client> {
    const environment = this.#environment;
    const endpoint =
      place.endpoint ?? environment["AWS_ENDPOINT_URL_S3"] ?? environment["AWS_ENDPOINT_URL"];
    const region =
      place.region ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1";
    const key = JSON.stringify([endpoint, region]);
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    if (this.#clients.size >= CLIENTS_MAX) this.#clients.clear();
    const made = connect({ endpoint, region, environment, answerMs: this.#answerMs });
    this.#clients.set(key, made);
    return made;
  }
}

async function connect(of: {
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly environment: S3Environment;
  readonly answerMs: number;
}): Promise<S3Client> {
  // Loaded when it is wanted: most nodes never see S3.
  const { S3Client: Client } = await import("@aws-sdk/client-s3");
  const { endpoint, region, environment, answerMs } = of;
  const accessKeyId = environment["AWS_ACCESS_KEY_ID"];
  const secretAccessKey = environment["AWS_SECRET_ACCESS_KEY"];
  const sessionToken = environment["AWS_SESSION_TOKEN"];
  const rights: S3ClientConfig =
    accessKeyId === undefined || secretAccessKey === undefined
      ? {
          signer: { sign: (request) => Promise.resolve(request) },
          // Never used, but looked for all over the machine if there were none.
          credentials: { accessKeyId: "none", secretAccessKey: "none" },
        }
      : {
          credentials: {
            accessKeyId,
            secretAccessKey,
            ...(sessionToken === undefined ? {} : { sessionToken }),
          },
        };
  return new Client({
    region,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...rights,
    // Other services do not know the newer checksums.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      requestTimeout: answerMs,
      connectionTimeout: answerMs,
      // Without it there is a warning only, and the wait goes on.
      throwOnRequestTimeout: true,
    },
  });
}

function told(error: unknown): string {
  const name = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "";
  return `${name}${saying(error)}`;
}

function isMissing(error: unknown): boolean {
  const names = new Set(["NoSuchKey", "NoSuchBucket", "NotFound", "AccessDenied", "Forbidden"]);
  return error instanceof Error && names.has(error.name);
}
