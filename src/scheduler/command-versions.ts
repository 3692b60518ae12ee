/** R10: from which cluster version on each command of a workflow may be written into its log. */
import type { Command } from "./commands.ts";

/**
 * What an entry means depends on its bytes alone, never on a version that its reader has applied: a new
 * meaning is a new command or a new format of one. So a replica that knows the cluster's version later than
 * its leader applies the same.
 */
const NEEDED = {
  create: 1,
  source: 1,
  define: 1,
  submit: 1,
  "submit-objects": 1,
  retry: 1,
  remove: 1,
  cancel: 1,
  resume: 1,
  close: 1,
  noop: 1,
  "remove-rows": 1,
  "forget-keys": 1,
  grant: 1,
  ends: 1,
  "take-back": 1,
  due: 1,
  "set-aside": 1,
  unpark: 1,
  "named-add": 1,
  "named-grant": 1,
  "named-end": 1,
  "named-renew": 1,
  "named-due": 1,
  "named-take-back": 1,
  "named-remove": 1,
  "fs-volume": 1,
  "fs-pin": 1,
  "fs-release": 1,
  "fs-stage": 1,
  "fs-commit": 1,
  "fs-mkdir": 1,
  "fs-symlink": 1,
  "fs-link": 1,
  "fs-unlink": 1,
  "fs-rmdir": 1,
  "fs-remove": 1,
  "fs-rename": 1,
  "fs-attributes": 1,
  "fs-attribute": 1,
  "fs-lapse": 1,
  "fs-sweep": 1,
  "fs-sweep-content": 1,
  "fs-reserve": 1,
  "fs-create": 1,
  "fs-prepare": 1,
  "fs-coded": 1,
  "fs-retention": 1,
  "fs-expire": 1,
  "fs-snapshot": 1,
  "fs-snapshot-end": 1,
  "fs-snapshot-remove": 1,
} as const satisfies Record<Command["kind"], number>;

/** The lowest cluster version in which a command may be used. */
export function commandVersion({ kind }: Command): number {
  return NEEDED[kind];
}
