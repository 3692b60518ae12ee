import { hash } from "node:crypto";
import { expect, test } from "vitest";
import { app, call, cluster, logged } from "../../test/lib/api-kit.ts";
import { cidOf } from "../../test/lib/fake-files.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { TAR_END } from "./tar/tar-writer.ts";

const FILE = "/v1/workflows/text/fs/file?path=/in/f";
const CONTENT = Buffer.from("some content");
const TAG = `"${cidOf(CONTENT)}"`;

async function put(): Promise<void> {
  const { status } = await call("PUT", FILE, { payload: CONTENT });
  expect(status).toBe(200);
}

function raw(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  method: "GET" | "HEAD" = "GET",
): Promise<Awaited<ReturnType<typeof app.inject>>> {
  const authorization = `Bearer ${TOKENS.admin}`;
  return app.inject({
    method,
    url,
    headers: { host: "localhost:7070", authorization, ...headers },
  });
}

test("a file is put as it is, whatever type its body says, and read again with its tag", async () => {
  for (const type of ["application/octet-stream", "application/json", "text/plain"]) {
    const headers = { "content-type": type };
    const answer = await call("PUT", FILE, { payload: CONTENT, headers });
    expect(answer).toMatchObject({ status: 200, body: { path: "/in/f", bytes: CONTENT.length } });
    expect(answer.headers["etag"]).toBe(TAG);
    const read = await raw(FILE);
    expect(read.statusCode).toBe(200);
    expect(read.rawPayload).toEqual(CONTENT);
    expect(read.headers).toMatchObject({ etag: TAG, "content-length": `${CONTENT.length}` });
  }
});

test("a put without a body makes an empty file", async () => {
  expect(await call("PUT", FILE)).toMatchObject({ status: 200, body: { bytes: 0 } });
  const read = await raw(FILE);
  expect(read.statusCode).toBe(200);
  expect(read.rawPayload.length).toBe(0);
});

test("HEAD tells the size and the tag, and reads nothing", async () => {
  await put();
  cluster.files.breaksAfter = 0;
  const answer = await raw(FILE, {}, "HEAD");
  expect(answer.statusCode).toBe(200);
  expect(answer.headers).toMatchObject({ etag: TAG, "content-length": `${CONTENT.length}` });
  expect(answer.rawPayload.length).toBe(0);
});

test("a range is answered with these bytes, one beyond the end with 416, and several with all", async () => {
  await put();
  const ranges = [
    ["bytes=0-3", "some", "bytes 0-3/12"],
    ["bytes=5-", "content", "bytes 5-11/12"],
    ["bytes=-4", "tent", "bytes 8-11/12"],
    ["bytes=8-100", "tent", "bytes 8-11/12"],
    ["bytes=-100", "some content", "bytes 0-11/12"],
  ] as const;
  for (const [range, text, where] of ranges) {
    const answer = await raw(FILE, { range });
    expect([range, answer.statusCode, answer.body]).toEqual([range, 206, text]);
    expect(answer.headers["content-range"]).toBe(where);
    expect(answer.headers["content-length"]).toBe(`${text.length}`);
  }
  for (const range of ["bytes=12-", "bytes=-0", "bytes=40-50"]) {
    const answer = await raw(FILE, { range });
    expect([range, answer.statusCode]).toEqual([range, 416]);
    expect(answer.json()).toMatchObject({ code: "API_RANGE_UNSATISFIABLE" });
    expect(answer.headers["content-range"]).toBe("bytes */12");
  }
  for (const range of ["bytes=0-1,3-4", "lines=1-2", "bytes=-", "bytes=5-2"]) {
    const answer = await raw(FILE, { range });
    expect([range, answer.statusCode, answer.body]).toEqual([range, 200, "some content"]);
  }
});

test("who has the content is told so, and a range of other content becomes all of this", async () => {
  await put();
  for (const tag of [TAG, `W/${TAG}`, `"b1", ${TAG}`, "*"]) {
    const answer = await raw(FILE, { "if-none-match": tag });
    expect([tag, answer.statusCode, answer.body]).toEqual([tag, 304, ""]);
  }
  expect((await raw(FILE, { "if-none-match": '"b1"' })).statusCode).toBe(200);
  const range = { range: "bytes=0-3" };
  expect((await raw(FILE, { ...range, "if-range": TAG })).statusCode).toBe(206);
  expect((await raw(FILE, { ...range, "if-range": '"b1"' })).statusCode).toBe(200);
});

test("a put with an expectation that does not hold is refused and changes nothing", async () => {
  await put();
  const payload = "other";
  const refused = [
    [{ "if-none-match": "*" }, 409, "FS_EXISTS"],
    [{ "if-match": '"b1"' }, 412, "FS_CHANGED"],
    [{ "if-match": "b1" }, 400, "API_INPUT_INVALID"],
    [{ "if-none-match": TAG }, 400, "API_INPUT_INVALID"],
  ] as const;
  for (const [headers, status, code] of refused) {
    const answer = await call("PUT", FILE, { payload, headers: { ...headers } });
    expect([headers, answer.status, answer.body]).toEqual([
      headers,
      status,
      expect.objectContaining({ code }),
    ]);
  }
  expect((await raw(FILE)).body).toBe("some content");
  const held = await call("PUT", FILE, { payload, headers: { "if-match": TAG } });
  expect(held.status).toBe(200);
});

test("a put whose content has another hash than it says is refused", async () => {
  const digest = (text: string): string => hash("sha256", text, "base64");
  const said = (value: string) =>
    call("PUT", FILE, { payload: "some", headers: { "content-digest": value } });
  expect(await said(`sha-256=:${digest("other")}:`)).toMatchObject({
    status: 400,
    body: { code: "FS_DIGEST_MISMATCH" },
  });
  expect(await said("md5=:abcd:")).toMatchObject({ body: { code: "API_INPUT_INVALID" } });
  expect((await raw(FILE)).statusCode).toBe(404);
  expect((await said(`sha-512=:abcd:, sha-256=:${digest("some")}:`)).status).toBe(200);
});

test("content that fails on the way is cut off and not taken for whole", async () => {
  await put();
  cluster.files.breaksAfter = 4;
  await expect(raw(FILE)).rejects.toThrow();
  expect(logged).toEqual([]);
});

test("a reader may read and not put, and a token of another workflow sees nothing", async () => {
  await put();
  expect((await call("GET", FILE, { token: TOKENS.read })).status).toBe(200);
  const routes = [
    ["PUT", "file?path=a", undefined],
    ["POST", "mkdir", { path: "a" }],
    ["POST", "remove", { path: "a" }],
    ["POST", "rename", { from: "a", to: "b" }],
    ["POST", "link", { from: "a", to: "b" }],
    ["POST", "symlink", { path: "a", target: "b" }],
  ] as const;
  for (const [method, path, payload] of routes) {
    const url = `/v1/workflows/text/fs/${path}`;
    const answer = await call(method, url, { token: TOKENS.read, ...(payload && { payload }) });
    expect([path, answer.status]).toEqual([path, 403]);
  }
  for (const path of ["file?path=in/f", "stat?path=in/f", "list?path="]) {
    const url = `/v1/workflows/other/fs/${path}`;
    const answer = await call("GET", url, { token: TOKENS.limited });
    expect([path, answer.status]).toEqual([path, 403]);
  }
});

test("names are listed page by page, and moved, removed and looked at", async () => {
  for (const name of ["a", "b", "c"]) {
    await call("PUT", `/v1/workflows/text/fs/file?path=/d/${name}`, { payload: name });
  }
  expect(
    (await call("POST", "/v1/workflows/text/fs/mkdir", { payload: { path: "d" } })).status,
  ).toBe(200);
  const base = "/v1/workflows/text/fs";
  expect(await call("GET", `${base}/list?path=/d&limit=2`)).toMatchObject({
    body: { entries: [{ name: "a", bytes: 1 }, { name: "b" }], next: "b" },
  });
  expect(await call("GET", `${base}/list?path=/d&limit=2&after=b`)).toMatchObject({
    body: { entries: [{ name: "c" }], next: null },
  });
  expect((await call("GET", `${base}/list?path=/d&limit=1001`)).status).toBe(400);
  const move = { from: "/d/a", to: "/d/z" };
  expect((await call("POST", `${base}/rename`, { payload: move })).status).toBe(200);
  expect((await call("GET", `${base}/stat?path=/d/z`)).body).toMatchObject({ type: "file" });
  expect(await call("POST", `${base}/remove`, { payload: { path: "/d" } })).toMatchObject({
    status: 409,
    body: { code: "FS_NOT_EMPTY" },
  });
  const whole = { path: "/d", recursive: true };
  expect((await call("POST", `${base}/remove`, { payload: whole })).status).toBe(200);
  expect((await call("GET", `${base}/stat?path=/d/z`)).status).toBe(404);
});

test("an archive is put and got as a stream, and one that is broken is refused by its code", async () => {
  const tree = "/v1/workflows/text/fs/tree?path=/in";
  const payload = Buffer.from(TAR_END);
  const headers = { "content-type": "application/x-tar" };
  const answer = await call("PUT", `${tree}&atomic=true`, { payload, headers });
  expect([answer.status, answer.body]).toMatchObject([200, { files: 0, copies: 2 }]);
  const got = await raw(tree);
  expect([got.statusCode, got.headers["content-type"]]).toEqual([200, "application/x-tar"]);
  expect(got.rawPayload).toEqual(payload);
  for (const cut of [undefined, payload.subarray(0, 700), Buffer.from("nonsense")]) {
    const refused = await call("PUT", tree, cut === undefined ? {} : { payload: cut, headers });
    expect([refused.status, refused.body]).toMatchObject([400, { code: "API_TAR_INVALID" }]);
  }
  expect((await raw("/v1/workflows/text/fs/tree?path=/none")).statusCode).toBe(404);
});
