/** Lists and objects of a real S3 service, Swift of Debian, also over connections that break off. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { S3Reader } from "../../src/objects/s3-reader.ts";
import { isJobxError } from "../../src/std/errors.ts";
import { FlakyProxy } from "../lib/flaky-proxy.ts";
import { SWIFT_RIGHTS, Swift, swiftLacking } from "../lib/swift.ts";

/** More than a page of a list has. */
const OBJECTS = 1_050;
const lacking = swiftLacking();
if (lacking !== undefined) console.warn(`no test with a real S3: ${lacking}`);

describe.skipIf(lacking !== undefined)("a real service", () => {
  const signal = AbortSignal.timeout(240_000);
  let swift: Swift;
  let folder: string;
  let reader: S3Reader;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "jobx-swift-"));
    swift = new Swift(folder);
    await swift.start();
    reader = readerAt(swift.endpoint);
    const client = new S3Client({
      ...{ region: "us-east-1", endpoint: swift.endpoint, forcePathStyle: true },
      credentials: SWIFT_RIGHTS,
      ...{
        requestChecksumCalculation: "WHEN_REQUIRED",
        responseChecksumValidation: "WHEN_REQUIRED",
      },
    });
    await client.send(new CreateBucketCommand({ Bucket: "many" }));
    let next = 0;
    const put = async (): Promise<void> => {
      for (let at = next++; at < OBJECTS; at = next++) {
        const [Key, Body] = [nameOf(at), `object ${at}`];
        await client.send(new PutObjectCommand({ Bucket: "many", Key, Body }));
      }
    };
    await Promise.all(Array.from({ length: 8 }, put));
    const Body = "x".repeat(400_000);
    await client.send(new PutObjectCommand({ Bucket: "many", Key: "large", Body }));
  }, 240_000);

  afterAll(async () => {
    swift.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function readerAt(endpoint: string): S3Reader {
    return new S3Reader({
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_ACCESS_KEY_ID: SWIFT_RIGHTS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: SWIFT_RIGHTS.secretAccessKey,
    });
  }

  async function namesOf(after?: string, match?: string): Promise<readonly string[]> {
    const names: string[] = [];
    const source = { type: "s3", bucket: "many", prefix: "a/", match } as const;
    for await (const { object } of reader.list(source, after, signal)) {
      if (object !== undefined) names.push(object.key);
    }
    return names;
  }

  test("a list has every object once, over all of its pages", async () => {
    expect(await namesOf()).toEqual(Array.from({ length: OBJECTS }, (_, at) => nameOf(at)));
  });

  test("a list that goes on after a name has what follows it, also when that name is not there", async () => {
    expect(await namesOf(nameOf(OBJECTS - 3))).toEqual([nameOf(OBJECTS - 2), nameOf(OBJECTS - 1)]);
    expect(await namesOf(`${nameOf(OBJECTS - 2)}.gone`)).toEqual([nameOf(OBJECTS - 1)]);
  });

  test("only names that fit are listed", async () => {
    expect(await namesOf(undefined, "a/0010*")).toEqual(
      Array.from({ length: 10 }, (_, at) => nameOf(100 + at)),
    );
  });

  test("an object has its bytes, and one that is not there says so", async () => {
    const object = { type: "s3", bucket: "many", bytes: 9 } as const;
    const opened = await reader.open({ ...object, key: nameOf(42) }, undefined, signal);
    const chunks: Uint8Array[] = [];
    for await (const chunk of opened.content) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe("object 42");
    const gone = reader.open({ ...object, key: "gone" }, undefined, signal);
    await expect(gone).rejects.toMatchObject({ code: "OBJECT_MISSING" });
  });

  test("an answer that is broken off fails as a fetch that may be tried again", async () => {
    const port = Number(new URL(swift.endpoint).port);
    const proxy = await FlakyProxy.start(port, { everyNth: 1, afterBytes: 100_000 });
    const object = { type: "s3", bucket: "many", key: "large", bytes: 400_000 } as const;
    const read = async (): Promise<number> => {
      const opened = await readerAt(proxy.endpoint).open(object, undefined, signal);
      let bytes = 0;
      for await (const chunk of opened.content) bytes += chunk.length;
      return bytes;
    };
    const error: unknown = await read().catch((broken: unknown) => broken);
    proxy.close();
    expect(isJobxError(error) && error.code).toBe("OBJECT_FETCH_FAILED");
    expect(proxy.broken).toBeGreaterThan(0);
  });

  test("what may not be listed is told with the service's own words and no credentials", async () => {
    const source = { type: "s3", bucket: "nowhere", prefix: "" } as const;
    const listing = reader.list(source, undefined, signal).next();
    const error: unknown = await listing.catch((refused: unknown) => refused);
    expect(isJobxError(error) && error.code).toBe("OBJECT_LIST_FAILED");
    expect(String(error)).toContain("NoSuchBucket");
    expect(String(error)).not.toContain(SWIFT_RIGHTS.secretAccessKey);
  });
});

function nameOf(at: number): string {
  return `a/${String(at).padStart(5, "0")}`;
}
