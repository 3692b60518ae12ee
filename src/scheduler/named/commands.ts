/** What can be done to named units. Each unit of a command is taken by itself; the answer counts those that changed. */
import { COMMAND_ORDINALS } from "../keys.ts";
import type { Token } from "../unit.ts";
import type { NamedHolder, NamedRef } from "./rows.ts";

/** Units in one command that makes no attempts. */
export const NAMED_UNITS_MAX = 256;

/** Units in one grant: each attempt has an ordinal of the command in its token. */
export const NAMED_GRANT_MAX = COMMAND_ORDINALS;

export interface NamedInput {
  readonly key: Uint8Array;
  readonly priority: number;
  /** 0: at once. */
  readonly notBeforeMs: number;
  readonly data: Uint8Array;
}

/** A unit as its holder knows it. */
export interface NamedHeld extends NamedRef {
  readonly token: Token;
}

/** What a holder says of a unit; undefined data leaves what it carries. */
export interface NamedEnd extends NamedHeld {
  readonly how: "finished" | "failed" | "released";
  readonly data: Uint8Array | undefined;
}

export interface NamedRenewal extends NamedHeld {
  readonly deadlineMs: number;
  /** A report of progress; undefined leaves what it carries. */
  readonly data: Uint8Array | undefined;
}

export type NamedCommand =
  /** A key that is there already gets the new data and priority and begins anew; its holder has lost it. */
  | {
      readonly kind: "named-add";
      readonly spec: string;
      readonly units: readonly NamedInput[];
    }
  /** The leader's choice of ready units for one holder; what is not ready any more is left out. */
  | {
      readonly kind: "named-grant";
      readonly units: readonly NamedRef[];
      readonly holder: NamedHolder;
    }
  | { readonly kind: "named-end"; readonly ends: readonly NamedEnd[] }
  /** Puts deadlines of workers off. */
  | { readonly kind: "named-renew"; readonly renewals: readonly NamedRenewal[] }
  /** Keys of the due index whose time has come: what waited is ready, what was held is taken back. */
  | { readonly kind: "named-due"; readonly keys: readonly string[] }
  /** Takes back what a node held that is gone. */
  | { readonly kind: "named-take-back"; readonly held: readonly NamedHeld[] }
  | { readonly kind: "named-remove"; readonly units: readonly NamedRef[] };
