/** The port of what stands in front of submissions. */

/** Who may submit to a node now: where it has more to do than it can, not everybody (decision 0019). */
export interface SubmissionGate {
  /** Asked for each submission, before it is made. */
  ask(workflow: string): Turn;
}

/** When a submission may be made: after so many milliseconds, often 0; or not, and tried again after whole seconds. */
export type Turn =
  | { readonly kind: "admitted"; readonly waitMs: number }
  | { readonly kind: "refused"; readonly awayS: number };
