import { expect, test } from "vitest";
import { hostAllowed, originAllowed } from "./host-rules.ts";

const RULES = { listenHost: "10.0.0.5", hostNames: ["jobx.example"] };

test.each([
  ["localhost", true],
  ["LOCALHOST:80", true],
  ["127.0.0.1:7070", true],
  ["[::1]:7070", true],
  ["10.0.0.5", true],
  ["jobx.example:443", true],
  ["evil.example", false],
  ["localhost.evil.example", false],
  ["jobx.example.evil", false],
  ["10.0.0.6", false],
  ["127.0.0.2", false],
  ["", false],
  ["localhost:80:80", false],
  ["localhost:x", false],
  ["localhost@evil.example", false],
  ["evil.example#localhost", false],
  ["[::1", false],
])("Host %j is let in: %s", (host, allowed) => {
  expect(hostAllowed(host, RULES, "10.0.0.5")).toBe(allowed);
});

test("a server that listens everywhere takes the address that was connected to, and no name", () => {
  const rules = { listenHost: "0.0.0.0", hostNames: [] };
  expect(hostAllowed("192.168.1.9:7070", rules, "::ffff:192.168.1.9")).toBe(true);
  expect(hostAllowed("192.168.1.8:7070", rules, "192.168.1.9")).toBe(false);
  expect(hostAllowed("rebound.example", rules, "192.168.1.9")).toBe(false);
  expect(hostAllowed("192.168.1.9", rules, undefined)).toBe(false);
});

test.each([
  [undefined, "localhost:7070", true],
  ["http://localhost:7070", "localhost:7070", true],
  ["http://LOCALHOST:7070", "localhost:7070", true],
  ["https://jobx.example", "jobx.example", true],
  ["https://jobx.example", "jobx.example:443", true],
  ["http://localhost:7071", "localhost:7070", false],
  ["http://localhost", "localhost:7070", false],
  ["http://127.0.0.1:7070", "localhost:7070", false],
  ["null", "localhost:7070", false],
  ["file://localhost", "localhost", false],
  ["nonsense", "localhost", false],
] as const)("Origin %j at Host %j is let in: %s", (origin, host, allowed) => {
  expect(originAllowed(origin, host)).toBe(allowed);
});
