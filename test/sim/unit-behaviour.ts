/** How units fail by chance, whichever node has them. */
import type { UnitBehaviour } from "./runner.ts";
import type { World } from "./world.ts";

/** Failures of one unit by chance; less than the repetitions that steps allow. */
const CHANCE_FAILURES_MAX = 2;

/** `healed`: whether a request's poisoned units are well by now. */
export function chanceBehaviour(world: World, healed: (request: string) => boolean): UnitBehaviour {
  const failures = new Map<string, number>();
  const chance = world.chance("units");
  return {
    healed,
    failsNow: (unit) => {
      const count = failures.get(unit) ?? 0;
      if (count >= CHANCE_FAILURES_MAX || !chance.hits(0.05)) return undefined;
      failures.set(unit, count + 1);
      return chance.hits(0.3) ? "hangs" : "failed";
    },
  };
}
