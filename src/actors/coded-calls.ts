/** What nodes ask of each other about blocks of stripes, and about copies that are too many. */
import type { NodeId } from "../scheduler/dataset.ts";
import type { Stripe } from "../scheduler/tree/rows.ts";

export type CodedCall =
  /** "Have these blocks of the stripe: from these nodes, or made from others of it; which do you have then?" */
  | {
      readonly kind: "rebuild-blocks";
      readonly stripe: Stripe;
      readonly cids: readonly string[];
      readonly from: readonly NodeId[];
    }
  /** "Which of these blocks do you have, read whole just now, and are not about to delete?" */
  | { readonly kind: "keep-blocks"; readonly cids: readonly string[] }
  /** "Delete those of these blocks that all of these nodes keep; which did you?" */
  | {
      readonly kind: "drop-blocks";
      readonly cids: readonly string[];
      readonly keepers: readonly NodeId[];
    };
