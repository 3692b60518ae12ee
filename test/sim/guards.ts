/** Nothing in a simulation may look at the machine's clock, timers or chance: who does is found out. */
import { assert } from "../../src/std/assert.ts";

/** Frames of the program under test. */
const OURS = /[/\\](?:src|test[/\\](?:sim|lib))[/\\]/;

const realDate = Date;

/** Puts watchmen before the machine's clock, timers and chance. @returns what takes them away again. */
export function guardMachine(caught: (what: string) => void): () => void {
  const undo: (() => void)[] = [];
  const guard = (owner: object, name: string): void => {
    const real: unknown = Reflect.get(owner, name);
    if (typeof real !== "function") throw new Error(`${name} is no function`);
    const watched = (...args: unknown[]): unknown => {
      // Whatever runs the tests may use them, in the same thread.
      if (OURS.test(new Error().stack ?? "")) caught(name);
      const result: unknown = Reflect.apply(real, owner, args);
      return result;
    };
    Reflect.set(owner, name, watched);
    undo.push(() => Reflect.set(owner, name, real));
  };
  guard(Math, "random");
  guard(performance, "now");
  guard(realDate, "now");
  guard(globalThis, "setTimeout");
  guard(globalThis, "setInterval");
  guard(globalThis, "setImmediate");
  const watchedDate = new Proxy(realDate, {
    construct(target, args: unknown[]) {
      if (args.length === 0 && OURS.test(new Error().stack ?? "")) caught("new Date");
      const made: unknown = Reflect.construct(target, args);
      // A constructor makes nothing else, which the compiler cannot know of this one.
      assert(typeof made === "object" && made !== null, "a constructor makes an object");
      return made;
    },
  });
  Reflect.set(globalThis, "Date", watchedDate);
  undo.push(() => Reflect.set(globalThis, "Date", realDate));
  return () => {
    for (const one of undo) one();
  };
}
