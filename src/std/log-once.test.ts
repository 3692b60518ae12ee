import { describe, expect, it } from "vitest";
import { LOG_AGAIN_MS, LOGGED_PEERS_MAX, LogOnce } from "./log-once.ts";

describe("a log line about a peer", () => {
  it("is due once an hour", () => {
    const once = new LogOnce();
    expect(once.due("a", 0)).toBe(true);
    expect(once.due("a", LOG_AGAIN_MS - 1)).toBe(false);
    expect(once.due("a", LOG_AGAIN_MS)).toBe(true);
  });

  it("is not due for ever more peers, until the first are forgotten", () => {
    const once = new LogOnce();
    for (let peer = 0; peer < LOGGED_PEERS_MAX; peer += 1) once.due(`${peer}`, 0);
    expect(once.due("one more", 1)).toBe(false);
    expect(once.due("one more", LOG_AGAIN_MS)).toBe(true);
  });
});
