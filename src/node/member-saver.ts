/** Keeps the cluster file's list of members up to date, one write at a time. */
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { KnownMember } from "../wire/join.ts";
import { type ClusterFile, writeClusterFile } from "./cluster-file.ts";

export class MemberSaver {
  readonly #directory: string;
  readonly #log: Log;
  #file: ClusterFile;
  #writing = false;
  #next: ClusterFile | undefined;

  constructor(directory: string, file: ClusterFile, log: Log) {
    this.#directory = directory;
    this.#file = file;
    this.#log = log;
  }

  save(members: readonly KnownMember[]): void {
    if (JSON.stringify(members) === JSON.stringify((this.#next ?? this.#file).members)) return;
    this.#next = { ...this.#file, members };
    if (!this.#writing) void this.#write();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    for (let file = this.#next; file !== undefined; file = this.#next) {
      this.#next = undefined;
      this.#file = file;
      try {
        await writeClusterFile(this.#directory, file);
      } catch (error) {
        this.#log.warn("the list of members could not be saved", { reason: errorText(error) });
      }
    }
    this.#writing = false;
  }
}
