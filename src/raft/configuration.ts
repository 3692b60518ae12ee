/**
 * Membership arithmetic: what a change makes of a configuration. It knows nothing of logs or of
 * progress. A voter of the outgoing half that is demoted stays a voter there until the joint
 * configuration is left, and waits in `learnersNext` meanwhile.
 */
import type { ConfigChange, ConfigStep, Configuration, ReplicaId } from "./types.ts";

/** Why a change cannot be made to a configuration. */
export type ConfigProblem =
  | "already-joint"
  | "not-joint"
  | "simple-while-joint"
  | "no-voters-to-leave-from"
  | "no-voters-left"
  | "several-voters-without-joint";

/** The configuration after a change, or why there is none. */
export type ConfigOutcome =
  | { readonly kind: "changed"; readonly configuration: Configuration }
  | { readonly kind: "impossible"; readonly problem: ConfigProblem };

/** Whether two majorities are needed. */
export function isJoint(configuration: Configuration): boolean {
  return configuration.votersOutgoing.length > 0;
}

/** Whether `replica` votes in either half. */
export function isVoter(configuration: Configuration, replica: ReplicaId): boolean {
  return configuration.voters.includes(replica) || configuration.votersOutgoing.includes(replica);
}

/** Whether `replica` is a learner now; one that waits in `learnersNext` is still a voter. */
export function isLearner(configuration: Configuration, replica: ReplicaId): boolean {
  return configuration.learners.includes(replica);
}

/** Configurations never change once they are made, and each is asked for its members many times. */
const membersKnown = new WeakMap<Configuration, readonly ReplicaId[]>();

/** Everybody that entries are sent to, sorted. */
export function membersOf(configuration: Configuration): readonly ReplicaId[] {
  const known = membersKnown.get(configuration);
  if (known !== undefined) return known;
  const { voters, votersOutgoing, learners } = configuration;
  const members = sorted(new Set([...voters, ...votersOutgoing, ...learners]));
  membersKnown.set(configuration, members);
  return members;
}

/** What the whole change, with its transition, makes of `configuration`. */
export function changeConfiguration(
  configuration: Configuration,
  change: ConfigChange,
): ConfigOutcome {
  if (change.changes.length === 0) return leaveJoint(configuration);
  if (change.transition === "auto" && change.changes.length === 1)
    return changeSimply(configuration, change.changes);
  return enterJoint(configuration, {
    steps: change.changes,
    autoLeave: change.transition !== "joint-explicit",
  });
}

/** Makes steps at once, which is safe only if at most one voter comes or goes (thesis 4.1). */
export function changeSimply(
  configuration: Configuration,
  steps: readonly ConfigStep[],
): ConfigOutcome {
  if (isJoint(configuration)) return impossible("simple-while-joint");
  const draft = draftOf(configuration);
  for (const step of steps) takeStep(draft, step);
  if (draft.voters.size === 0) return impossible("no-voters-left");
  if (differenceSize(draft.voters, new Set(configuration.voters)) > 1)
    return impossible("several-voters-without-joint");
  return changed(draft);
}

/** Makes steps in the incoming half and keeps the present voters as the outgoing one (thesis 4.3). */
export function enterJoint(
  configuration: Configuration,
  options: { readonly steps: readonly ConfigStep[]; readonly autoLeave: boolean },
): ConfigOutcome {
  if (isJoint(configuration)) return impossible("already-joint");
  if (configuration.voters.length === 0) return impossible("no-voters-to-leave-from");
  const draft = draftOf({ ...configuration, votersOutgoing: configuration.voters });
  for (const step of options.steps) takeStep(draft, step);
  if (draft.voters.size === 0) return impossible("no-voters-left");
  return changed({ ...draft, autoLeave: options.autoLeave });
}

/** Drops the outgoing half; demoted voters become learners. */
export function leaveJoint(configuration: Configuration): ConfigOutcome {
  if (!isJoint(configuration)) return impossible("not-joint");
  const { voters, learners, learnersNext } = configuration;
  return {
    kind: "changed",
    configuration: {
      voters,
      votersOutgoing: [],
      learners: sorted(new Set([...learners, ...learnersNext])),
      learnersNext: [],
      autoLeave: false,
    },
  };
}

interface Draft {
  readonly voters: Set<ReplicaId>;
  readonly votersOutgoing: Set<ReplicaId>;
  readonly learners: Set<ReplicaId>;
  readonly learnersNext: Set<ReplicaId>;
  readonly autoLeave: boolean;
}

function draftOf(configuration: Configuration): Draft {
  return {
    voters: new Set(configuration.voters),
    votersOutgoing: new Set(configuration.votersOutgoing),
    learners: new Set(configuration.learners),
    learnersNext: new Set(configuration.learnersNext),
    autoLeave: configuration.autoLeave,
  };
}

function takeStep(draft: Draft, { type, replica }: ConfigStep): void {
  if (replica === 0) return;
  const { voters, votersOutgoing, learners, learnersNext } = draft;
  switch (type) {
    case "add-voter":
      learners.delete(replica);
      learnersNext.delete(replica);
      voters.add(replica);
      return;
    case "add-learner":
      voters.delete(replica);
      // It would be a voter of one half and a learner of the other, which is neither.
      if (votersOutgoing.has(replica)) learnersNext.add(replica);
      else learners.add(replica);
      return;
    case "remove":
      voters.delete(replica);
      learners.delete(replica);
      learnersNext.delete(replica);
      return;
    case "update":
      return;
  }
}

function changed(draft: Draft): ConfigOutcome {
  return {
    kind: "changed",
    configuration: {
      voters: sorted(draft.voters),
      votersOutgoing: sorted(draft.votersOutgoing),
      learners: sorted(draft.learners),
      learnersNext: sorted(draft.learnersNext),
      autoLeave: draft.autoLeave,
    },
  };
}

function impossible(problem: ConfigProblem): ConfigOutcome {
  return { kind: "impossible", problem };
}

function differenceSize(left: ReadonlySet<ReplicaId>, right: ReadonlySet<ReplicaId>): number {
  let count = 0;
  for (const replica of left) if (!right.has(replica)) count += 1;
  for (const replica of right) if (!left.has(replica)) count += 1;
  return count;
}

function sorted(replicas: ReadonlySet<ReplicaId>): readonly ReplicaId[] {
  return [...replicas].sort((a, b) => a - b);
}
