/**
 * Mistakes that tests plant to prove that the checkers of the simulator find them. Each is one line at
 * the place where the rule is kept that it breaks; a node never has any.
 */

/** Every mistake there is, with the rule that it breaks. */
export const PLANTED_BUGS = {
  sendBeforePersist: "R1: answers leave before what they promise is on disk",
  countSelfBeforeWrite: "R1: a leader counts its own entries before they are on its disk",
  skipTermCheck: "Raft 5.3: a follower appends without comparing the term of the entry before",
  voteTwice: "Raft 5.2: a replica votes for whoever asks, though it has voted in the term",
  jointByNewHalf: "thesis 4.3: in a joint configuration the new voters alone commit",
  readWithoutRound: "thesis 6.4: a leader answers reads without asking whether it still is one",
  dropLastEntry: "R3: the newest entry of a log is left out when it is opened again",
  snapshotOfOtherRows: "R5: a snapshot says another index than that of its rows",
  staleCompletion: "R16: the token of an attempt whose unit was taken back stays live",
  forgetLease: "R16: a new leader does not know what earlier ones have granted",
  obeyOldTerm: "R16: an executor listens to a scheduler of a lower term than it has heard",
  countSkippedTwice: "R17: a child that was skipped counts as two",
  applyAgain: "R15: a command that comes again from the node where it entered is applied again",
  forgetKeysEarly: "R15: answers under clients' keys are forgotten at the first look",
  serveUnsupported: "R10: a node goes on in a cluster whose version its program does not support",
  proposeEarly: "R10: a command is proposed before the cluster has the version that it needs",
  sendEarly: "R10: a message is sent before the cluster has the version that it needs",
  trustRows: "R4: a row of the state is believed, whatever its checksum says",
  lendTwice: "R20: slots that were not taken back yet are lent to another scheduler",
  ignoreWeight: "R20: slots are divided without regard to weights",
  collectUnasked: "R25: blocks are deleted without asking whether something refers to them",
  ignoreCondemned: "R25: a block is deleted although somebody has wanted it since it was condemned",
  leaveRows: "R12: a slice of a removal leaves a row",
} as const;

export type PlantedBug = keyof typeof PLANTED_BUGS;

/** Those that are planted. */
export type PlantedBugs = { readonly [Name in PlantedBug]?: boolean };

/** What every node has. */
export const NO_BUGS: PlantedBugs = {};
