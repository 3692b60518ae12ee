import { assert } from "../std/assert.ts";

/** Names an append task to whoever carries it out, who hands it back when all is on disk (R1). */
export interface StoredToken {
  /** Tasks of one core are numbered from 1 and carried out in that order. */
  readonly number: number;
  /** The log's last index when the task was handed out, and its term; 0 for an empty log. */
  readonly index: number;
  readonly term: number;
}

/** What the completion of one or more tasks means. */
export interface StoredTasks {
  /** Up to here the log, as it is now, is on disk; 0 if the tasks say nothing about it. */
  readonly syncedIndex: number;
  /** The hard state's term that is on disk. */
  readonly hardTerm: number;
  /** Index of the snapshot that was installed; undefined if none was. */
  readonly snapshotIndex: number | undefined;
}

interface Task {
  readonly number: number;
  readonly hardTerm: number;
  readonly snapshotIndex: number | undefined;
  /** Lowered whenever the log is cut below it: what is cut was written in vain. */
  validUpTo: number;
}

/**
 * The append tasks that were handed out and have not come back, oldest first.
 *
 * This is where a write that ends late is told from one that counts. It is not enough to compare the
 * term at the reported index: an entry may be replaced by another and then come back with its old
 * term while all three writes are under way, and the first to end would be taken for the last. So
 * every cut of the log lowers what the outstanding tasks may still vouch for.
 */
export class StorageTasks {
  readonly #tasks: Task[] = [];
  #lastNumber = 0;

  /** How many are under way. */
  get count(): number {
    return this.#tasks.length;
  }

  /** Opens a task that vouches for the log up to `index`. @returns its number. */
  open(task: {
    readonly index: number;
    readonly hardTerm: number;
    readonly snapshotIndex: number | undefined;
  }): number {
    this.#lastNumber += 1;
    this.#tasks.push({
      number: this.#lastNumber,
      hardTerm: task.hardTerm,
      snapshotIndex: task.snapshotIndex,
      validUpTo: task.index,
    });
    return this.#lastNumber;
  }

  /** The log was cut: nothing under way vouches for anything above `index`. */
  cut(index: number): void {
    for (const task of this.#tasks) task.validUpTo = Math.min(task.validUpTo, index);
  }

  /** The task `number` and all before it have ended. A number that already ended says nothing new. */
  close(number: number): StoredTasks | undefined {
    assert(number <= this.#lastNumber, `append task ${number} was never handed out`);
    let closed: StoredTasks | undefined;
    for (;;) {
      const task = this.#tasks[0];
      if (task === undefined || task.number > number) return closed;
      this.#tasks.shift();
      closed = {
        syncedIndex: Math.max(closed?.syncedIndex ?? 0, task.validUpTo),
        hardTerm: task.hardTerm,
        snapshotIndex: task.snapshotIndex ?? closed?.snapshotIndex,
      };
    }
  }
}
