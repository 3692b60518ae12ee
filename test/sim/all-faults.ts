/** All who do to a cluster what its seed has drawn. */
import { BeyondFaults } from "./beyond-faults.ts";
import type { HungLeaderChecker } from "./checkers/hung-leader-checker.ts";
import { ClockFaults } from "./clock-faults.ts";
import { FaultDriver } from "./faults.ts";
import type { SimHost } from "./host.ts";
import type { SimNetwork } from "./network.ts";
import type { Plan } from "./plan.ts";
import type { Rest } from "./rest.ts";
import { StorageFaults } from "./storage-faults.ts";
import type { World } from "./world.ts";

export interface AllFaults {
  readonly world: World;
  readonly plan: Plan;
  readonly network: SimNetwork;
  readonly hosts: readonly SimHost[];
  readonly rest: Rest;
  readonly hungLeaders: HungLeaderChecker;
  /** Who is being removed, and has to hand on what only it has. */
  readonly leaving: () => SimHost | undefined;
}

export function startFaults(options: AllFaults): void {
  const { plan, rest, leaving } = options;
  // Beyond the budget nobody spares what could not be done without, once there is anything.
  const isLost = (): boolean => plan.beyond && rest.hasBegun;
  const mayLose = (host: SimHost): boolean =>
    leaving() !== host && (isLost() || rest.mayLose(host));
  new FaultDriver({ ...options, mayLose }).start();
  new ClockFaults({ ...options, hasThreeVoters: () => rest.hasThreeVoters }).start();
  new BeyondFaults({ ...options, majority: (chance) => rest.majorityOfSome(chance) }).start();
  new StorageFaults({
    ...options,
    mayBeAway: (host) => leaving() !== host,
    mayRot: (host) => isLost() || rest.mayRot(host),
  }).start();
}
