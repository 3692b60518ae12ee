import { expect, test } from "vitest";
import { FakeTimers } from "../../../test/lib/fake-timers.ts";
import { type Pin, SharedPins } from "./shared-pins.ts";

class Pins {
  readonly timers = new FakeTimers();
  readonly shared = new SharedPins({ clock: this.timers, timers: this.timers });
  begun = 0;
  readonly released: string[] = [];

  hold(group = 1): Promise<Pin> {
    return this.shared.hold(group, () => {
      this.begun += 1;
      const upload = `pin-${this.begun}`;
      return Promise.resolve({ upload, release: () => this.released.push(upload) });
    });
  }

  /** Lets the time pass, and what it has begun end. */
  async pass(ms: number): Promise<void> {
    await this.timers.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("uploads of a group that come within two seconds have one pin, which goes with the last of them", async () => {
  const pins = new Pins();
  const [first, second] = [await pins.hold(), await pins.hold()];
  await pins.pass(1_000);
  const third = await pins.hold();
  expect([first.upload, second.upload, third.upload]).toEqual(["pin-1", "pin-1", "pin-1"]);
  first.release();
  second.release();
  await pins.pass(5_000);
  expect(pins.released).toEqual([]);
  third.release();
  await pins.pass(0);
  expect(pins.released).toEqual(["pin-1"]);
});

test("nobody begins under a pin that is older, so each goes at last however many uploads there are", async () => {
  const pins = new Pins();
  for (let turn = 0; turn < 10; turn += 1) {
    const one = await pins.hold();
    await pins.pass(900);
    one.release();
  }
  await pins.pass(2_000);
  expect(pins.begun).toBe(4);
  expect(pins.released).toEqual(["pin-1", "pin-2", "pin-3", "pin-4"]);
});

test("a pin that was used and given back goes when its time is over, and is shared until then", async () => {
  const pins = new Pins();
  (await pins.hold()).release();
  await pins.pass(1_500);
  (await pins.hold()).release();
  expect(pins.released).toEqual([]);
  await pins.pass(500);
  expect([pins.begun, pins.released]).toEqual([1, ["pin-1"]]);
  expect((await pins.hold()).upload).toBe("pin-2");
});

test("groups have pins of their own, and one that could not be begun is begun anew", async () => {
  const pins = new Pins();
  const refused = pins.shared.hold(1, () => Promise.reject(new Error("too many")));
  await expect(refused).rejects.toThrow("too many");
  expect((await pins.hold(1)).upload).toBe("pin-1");
  expect((await pins.hold(2)).upload).toBe("pin-2");
  await pins.pass(2_000);
  expect(pins.released).toEqual([]);
});
