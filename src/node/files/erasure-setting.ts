/** What people say and see of how a volume codes: `4+2`, or nothing. */
import type { VolumeSettings } from "../../api/volume-port.ts";
import {
  ERASURE_DATA_MAX,
  ERASURE_PARITY_MAX,
  type Erasure,
  type VolumeOptions,
} from "../../scheduler/tree/rows.ts";
import { ClusterError } from "../cluster-errors.ts";

/** As it is shown; null for a volume that codes nothing new. */
export function erasureText(erasure: Erasure | undefined): string | null {
  if (erasure === undefined || erasure.data < 2) return null;
  return `${erasure.data}+${erasure.parity}`;
}

/**
 * What a change of the settings comes to. Blocks that are in no stripe have one copy more than a stripe has parity,
 * so that as many nodes may be lost: whoever codes does not set copies.
 * @throws {ClusterError} `API_INPUT_INVALID`.
 */
export function erasureOptions(
  before: Pick<VolumeOptions, "copies" | "erasure">,
  { copies, erasure }: Partial<Pick<VolumeSettings, "copies" | "erasure">>,
): Pick<VolumeOptions, "copies" | "erasure"> {
  const next = nextErasure(before.erasure, erasure);
  if (next === undefined || next.data < 2) {
    return { copies: copies ?? before.copies, erasure: next };
  }
  const wanted = next.parity + 1;
  if (copies !== undefined && copies !== wanted) {
    throw invalid(
      `with ${erasureText(next)} what is not coded has ${wanted} copies: set erasure or copies, not both`,
    );
  }
  return { copies: wanted, erasure: next };
}

function nextErasure(
  before: Erasure | undefined,
  text: string | null | undefined,
): Erasure | undefined {
  if (text === undefined) return before;
  // What was coded stays so: the volume goes on to say that there may be stripes.
  if (text === null) return before && { ...before, data: 1 };
  const [, data = 0, parity = 0] = (/^([0-9]{1,2})\+([0-9])$/u.exec(text) ?? []).map(Number);
  const isFit =
    data >= 2 &&
    data <= ERASURE_DATA_MAX &&
    parity >= 1 &&
    parity <= Math.min(ERASURE_PARITY_MAX, data);
  if (isFit) return { data, parity };
  throw invalid(
    `erasure is data+parity, as 4+2: 2 to ${ERASURE_DATA_MAX} of data, and 1 to ${ERASURE_PARITY_MAX} of parity but no more than of data`,
  );
}

function invalid(message: string): ClusterError {
  return new ClusterError({ code: "API_INPUT_INVALID" }, message);
}
