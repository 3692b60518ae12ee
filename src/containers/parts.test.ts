import { describe, expect, test } from "vitest";
import { engineAddressText, engineCandidates, parseEngineAddress } from "./engine-address.ts";
import { isImageId, parseImageName, registryOf } from "./image-name.ts";
import { OutputFrames } from "./output-frames.ts";
import { progressOf } from "./progress.ts";

describe("the address of an engine", () => {
  test.each([
    ["unix:///run/x.sock", "unix:///run/x.sock"],
    ["/run/x.sock", "unix:///run/x.sock"],
    ["tcp://127.0.0.1:2376", "tcp://127.0.0.1:2376"],
    ["tcp://host", "tcp://host:2375"],
    ["tcp://[::1]:99", "tcp://[::1]:99"],
  ])("%s is %s", (text, told) => {
    expect(engineAddressText(parseEngineAddress(text))).toBe(told);
  });

  test.each([
    "",
    "run/x.sock",
    "http://host",
    "ssh://host",
    "tcp://host:0",
    "tcp://host:70000",
    "unix://x",
  ])("%j is refused", (text) => {
    expect(() => parseEngineAddress(text)).toThrow(
      expect.objectContaining({ code: "CONTAINER_ENGINE_ADDRESS_INVALID" }),
    );
  });

  test("a setting comes before DOCKER_HOST, that before the usual sockets, and none means none", () => {
    const environment = { DOCKER_HOST: "unix:///b", XDG_RUNTIME_DIR: "/run/user/7" };
    const told = (setting: string, own: Readonly<Record<string, string>>): readonly string[] =>
      engineCandidates({ setting, environment: own }).map(engineAddressText);
    expect(told("/a", environment)).toEqual(["unix:///a"]);
    expect(told("", environment)).toEqual(["unix:///b"]);
    expect(told("", {})).toContain("unix:///var/run/docker.sock");
    expect(told("", { XDG_RUNTIME_DIR: "/run/user/7" })).toContain(
      "unix:///run/user/7/podman/podman.sock",
    );
    expect(told("none", environment)).toEqual([]);
  });
});

describe("the name of an image", () => {
  const digest = `sha256:${"0a".repeat(32)}`;
  test.each([
    ["busybox", "busybox", undefined, undefined, "docker.io"],
    ["busybox:1.2", "busybox", "1.2", undefined, "docker.io"],
    ["a/b/c:x", "a/b/c", "x", undefined, "docker.io"],
    ["host:5000/a", "host:5000/a", undefined, undefined, "host:5000"],
    ["localhost/a:1", "localhost/a", "1", undefined, "localhost"],
    [`ghcr.io/a/b:1@${digest}`, "ghcr.io/a/b", "1", digest, "ghcr.io"],
  ])("%s", (image, repository, tag, itsDigest, registry) => {
    const name = parseImageName(image);
    expect(name).toEqual({ repository, tag, digest: itsDigest });
    expect(registryOf(name)).toBe(registry);
  });

  test.each([
    "",
    "A",
    "a b",
    "a:",
    "a@",
    "a@sha256:12",
    "a/../b",
    "a?x=1",
    "a/b/",
    "-a",
    `a:${"x".repeat(600)}`,
  ])("%j is refused", (image) => {
    expect(() => parseImageName(image)).toThrow(
      expect.objectContaining({ code: "CONTAINER_IMAGE_INVALID" }),
    );
  });

  test("an id is the hash alone", () => {
    expect([isImageId(digest), isImageId(`a@${digest}`)]).toEqual([true, false]);
  });
});

describe("frames of output", () => {
  const frame = (stream: number, text: string): Buffer => {
    const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([head, Buffer.from(text)]);
  };

  const marked = (mark: string, text: string): string => [...text].map((c) => mark + c).join("");
  const expected = marked("o", "one") + marked("e", "two") + marked("o", "three");

  test("come the same however the bytes are cut", () => {
    const whole = Buffer.concat([
      frame(1, "one"),
      frame(2, ""),
      frame(2, "two"),
      frame(1, "three"),
    ]);
    for (let size = 1; size <= whole.length; size++) {
      const frames = new OutputFrames();
      let told = "";
      for (let at = 0; at < whole.length; at += size) {
        for (const { stream, bytes } of frames.take(whole.subarray(at, at + size))) {
          for (const byte of bytes)
            told += `${stream === "stdout" ? "o" : "e"}${String.fromCharCode(byte)}`;
        }
      }
      expect(told).toBe(expected);
    }
  });

  test.each([Buffer.from("HTTP/1.1"), Buffer.from([9, 0, 0, 0, 0, 0, 0, 1])])(
    "%j is refused",
    (bytes) => {
      expect(() => [...new OutputFrames().take(bytes)]).toThrow(
        expect.objectContaining({ code: "CONTAINER_ENGINE_ANSWER_INVALID" }),
      );
    },
  );
});

describe("what an engine tells of its progress", () => {
  async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
    for (const text of texts) yield Buffer.from(text);
  }

  test("is a line for each text, whole however it is cut, and the error that it ended with", async () => {
    const lines: string[] = [];
    const text =
      '{"id":"a","status":"Pulling","progress":"[=>]"}\r\n{"status":"Done"}\nnoise\n{"error":"no"}';
    const told = await progressOf(chunks(...text), (line) => lines.push(line));
    expect(lines).toEqual(["a Pulling [=>]", "Done"]);
    expect(told.error).toBe("no");
  });

  test("a line that never ends is kept in part only", async () => {
    const long = "x".repeat(1 << 20);
    const told = await progressOf(chunks(long, long), undefined);
    expect(told.text.length).toBe(64 * 1024);
    expect(told.error).toBeUndefined();
  });
});
