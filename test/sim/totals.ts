/** What a run or a batch of runs went through; a batch in which one of them never happened proves little. */

export interface Totals {
  seeds: number;
  requests: number;
  leaderChanges: number;
  /** Leaders whom their predecessors had asked to take over. */
  leadershipTransfers: number;
  /** Committed entries that change who belongs to a group. */
  membershipChanges: number;
  /** Steps in them. */
  votersAdded: number;
  learnersAdded: number;
  replicasRemoved: number;
  groupsQuieted: number;
  messagesDelivered: number;
  messagesLost: number;
  messagesDuplicated: number;
  messagesReordered: number;
  partitions: number;
  pauses: number;
  crashes: number;
  crashesWithUnsyncedLoss: number;
  restarts: number;
  attemptsLost: number;
  attemptsReleased: number;
  attemptsFailed: number;
  attemptsDone: number;
  fencedCompletions: number;
  /** Words of schedulers of a lower term than their executor had heard. */
  staleWords: number;
  requestsFailed: number;
  requestsCancelled: number;
  requestsPaused: number;
  requestsRemoved: number;
  requestsExpired: number;
  /** Processes that got another program. */
  programsChanged: number;
  /** Cluster versions that were committed after the first. */
  raises: number;
  /** Processes that ended since their program did not support the cluster's version. */
  programsRefused: number;
  /** Uses of what the next version brings that were refused since it was not raised. */
  laterRefused: number;
  /** And those that were applied afterwards. */
  laterApplied: number;
  /** Messages of the next version that came to who can read them. */
  laterMessages: number;
  /** What programs were handed that they could not read, since they came back too late. */
  laterUnread: number;
  drains: number;
  /** Nodes that came into a running cluster. */
  joins: number;
  /** Sagas that came to their end. */
  removals: number;
  /** Of nodes that had died for good before they were removed. */
  removalsOfDead: number;
  /** Of nodes that had lost their store before they were removed. */
  removalsOfWiped: number;
  /** Nodes that were removed without knowing it, and ran on or came back. */
  ghosts: number;
  submissionsUnknown: number;
  noteReads: number;
  notesWritten: number;
  notesRefused: number;
  notesUnknown: number;
  runsStored: number;
  blocksCollected: number;
  filesPut: number;
  snapshotsTaken: number;
  filesChanged: number;
  entriesApplied: number;
  logsTruncated: number;
  snapshotsInstalled: number;
  snapshotsResumed: number;
  statesCompared: number;
  wipes: number;
  /** Groups of whose voters a majority lost its data at once. */
  beyondBudget: number;
  /** Machines whose monotonic clock runs fast or slow. */
  clocksDrifting: number;
  /** Dates that were set while the cluster ran. */
  clockSteps: number;
  /** Disks that stood still for seconds. */
  diskHangs: number;
  /** Replicas that led when their write began to hang, and did not any more when it ended. */
  hungLeadersDeposed: number;
  /** Beats while slots of the node were lent to several schedulers. */
  slotsShared: number;
  /** Beats of a node on which others of another weight were short. */
  slotsWeighed: number;
  fullDisks: number;
  /** Writes that found no room. */
  writesRefused: number;
  readErrors: number;
  /** Machines that were switched off and on since their disk had refused something. */
  repairs: number;
  recordsFlipped: number;
  recordsMisdirected: number;
  /** Disks that had only claimed to have synced. */
  syncsForgotten: number;
  /** Replicas that noticed that they are damaged. */
  replicasDamaged: number;
  storesSetAside: number;
  replicasReplaced: number;
  events: number;
  virtualMs: number;
}

export function newTotals(): Totals {
  return {
    seeds: 0,
    requests: 0,
    leaderChanges: 0,
    leadershipTransfers: 0,
    membershipChanges: 0,
    votersAdded: 0,
    learnersAdded: 0,
    replicasRemoved: 0,
    groupsQuieted: 0,
    messagesDelivered: 0,
    messagesLost: 0,
    messagesDuplicated: 0,
    messagesReordered: 0,
    partitions: 0,
    pauses: 0,
    crashes: 0,
    crashesWithUnsyncedLoss: 0,
    restarts: 0,
    attemptsLost: 0,
    attemptsReleased: 0,
    attemptsFailed: 0,
    attemptsDone: 0,
    fencedCompletions: 0,
    staleWords: 0,
    requestsFailed: 0,
    requestsCancelled: 0,
    requestsPaused: 0,
    requestsRemoved: 0,
    requestsExpired: 0,
    programsChanged: 0,
    raises: 0,
    programsRefused: 0,
    laterRefused: 0,
    laterApplied: 0,
    laterMessages: 0,
    laterUnread: 0,
    drains: 0,
    joins: 0,
    removals: 0,
    removalsOfDead: 0,
    removalsOfWiped: 0,
    ghosts: 0,
    submissionsUnknown: 0,
    noteReads: 0,
    notesWritten: 0,
    notesRefused: 0,
    notesUnknown: 0,
    runsStored: 0,
    blocksCollected: 0,
    filesPut: 0,
    snapshotsTaken: 0,
    filesChanged: 0,
    entriesApplied: 0,
    logsTruncated: 0,
    snapshotsInstalled: 0,
    snapshotsResumed: 0,
    statesCompared: 0,
    wipes: 0,
    beyondBudget: 0,
    clocksDrifting: 0,
    clockSteps: 0,
    diskHangs: 0,
    hungLeadersDeposed: 0,
    slotsShared: 0,
    slotsWeighed: 0,
    fullDisks: 0,
    writesRefused: 0,
    readErrors: 0,
    repairs: 0,
    recordsFlipped: 0,
    recordsMisdirected: 0,
    syncsForgotten: 0,
    replicasDamaged: 0,
    storesSetAside: 0,
    replicasReplaced: 0,
    events: 0,
    virtualMs: 0,
  };
}

/** Adds `more` to `sum`. */
export function addTotals(sum: Totals, more: Totals): void {
  for (const name of totalNames(sum)) sum[name] += more[name];
}

/** Totals that are zero. */
export function missingTotals(totals: Totals): readonly string[] {
  return totalNames(totals).filter((name) => totals[name] === 0);
}

export function totalsText(totals: Totals): string {
  const lines = totalNames(totals)
    .filter((name) => name !== "virtualMs")
    .map((name) => `  ${name.padEnd(24)} ${totals[name]}`);
  return [
    ...lines,
    `  ${"virtualHours".padEnd(24)} ${(totals.virtualMs / 3_600_000).toFixed(2)}`,
  ].join("\n");
}

function totalNames(totals: Totals): readonly (keyof Totals)[] {
  const known = newTotals();
  return Object.keys(totals).filter((name): name is keyof Totals => Object.hasOwn(known, name));
}
