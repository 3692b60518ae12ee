import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { type S3Environment, S3Reader } from "./s3-reader.ts";

const RIGHTS = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };
const NEVER = new AbortController().signal;

/** A service that answers so, and what the reader finds there. */
async function listed(answer: RequestListener, answerMs: number, rights: S3Environment = RIGHTS) {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it does not listen");
  const endpoint = `http://127.0.0.1:${address.port}`;
  const source = { type: "s3", bucket: "b", prefix: "", match: "*.txt", endpoint } as const;
  const found: unknown[] = [];
  const reader = new S3Reader(rights, answerMs);
  for await (const one of reader.list(source, undefined, NEVER)) found.push(one);
  return found;
}

function pageOf(key: string, isTruncated: boolean): string {
  const content = `<Contents><Key>${key}</Key><Size>1</Size></Contents>`;
  return `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${content}</ListBucketResult>`;
}

test("a service that does not answer ends the list", async () => {
  const silent = listed(() => undefined, 100);
  await expect(silent).rejects.toThrow(/TimeoutError/u);
});

test("each page that is behind is told, whatever is wanted of it", async () => {
  const found = await listed((request, response) => {
    const isFirst = request.url?.includes("start-after") !== true;
    response.writeHead(200, { "content-type": "application/xml" });
    response.end(isFirst ? pageOf("a.log", true) : pageOf("b.txt", false));
  }, 30_000);
  expect(found).toMatchObject([
    { at: "a.log", object: undefined },
    { at: "b.txt", object: { key: "b.txt" } },
  ]);
});

test("without rights in its environment calls are made, and not signed", async () => {
  const rights: unknown[] = [];
  const answer: RequestListener = (request, response) => {
    rights.push(request.headers.authorization);
    response.writeHead(200, { "content-type": "application/xml" });
    response.end(pageOf("b.txt", false));
  };
  await listed(answer, 30_000, {});
  expect(rights).toEqual([undefined]);
});
