/** Keeps the cluster file's members and version up to date, one write at a time. */
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { KnownMember } from "../wire/join.ts";
import { writeClusterFile } from "./cluster-file.ts";
import type { ClusterFile } from "./cluster-file-text.ts";

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

  save(members: readonly KnownMember[], version: number | undefined): void {
    const known = this.#next ?? this.#file;
    const isSame = JSON.stringify(members) === JSON.stringify(known.members);
    if (isSame && version === known.version) return;
    this.#next = { ...this.#file, members, version };
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
