/** What the command line needs from the machine; a test hands in its own. */
import type { ClientDeps } from "../api/transport.ts";
import type { Timers } from "../std/clock.ts";

/** Given to every command. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeFolder: string;
  /** Answers: what a script reads. */
  readonly out: (text: string) => void;
  /** The same for what is long: resolves when there is room for more. */
  readonly write: (text: string) => Promise<void>;
  /** Everything else: progress and errors. */
  readonly err: (text: string) => void;
  /** Whether the error output is a terminal, on which lines can be drawn over. */
  readonly terminal: boolean;
  /** All of the standard input, at most `bytesMax`; more resolves to undefined. */
  readonly readInput: (bytesMax: number) => Promise<Uint8Array | undefined>;
  /** Content as it is, on the standard input and output. */
  readonly bytes: {
    readonly input: () => AsyncIterable<Uint8Array>;
    /** Resolves when there is room for more. */
    readonly write: (bytes: Uint8Array) => Promise<void>;
  };
  /** The version of the package that the program is of. */
  readonly version: () => Promise<string>;
  readonly client: ClientDeps;
  readonly timers: Timers;
  /** Resolves when somebody wants the program to end; without it a signal ends it at once. */
  readonly interrupted: () => Promise<void>;
}
