/** What nodes ask of each other about blocks, so that none is lost with a node. */
import type { NodeId } from "../scheduler/dataset.ts";
import type { Call, CallAnswer } from "./ports.ts";
import type { RunCopies } from "./run-copies.ts";
import type { RunsPort } from "./work-ports.ts";

type BlockCall = Extract<
  Call,
  {
    readonly kind:
      | "copy-run"
      | "hand-on-blocks"
      | "have-blocks"
      | "copy-blocks"
      | "store-blocks"
      | "take-blocks"
      | "verify-blocks"
      | "verify-store";
  }
>;

/** Answers for this node's own store; what it lacks it fetches from the one who asks. */
export async function serveBlockCall(
  from: NodeId,
  call: BlockCall,
  parts: { readonly runs: RunsPort; readonly copies: Pick<RunCopies, "handOn"> },
): Promise<CallAnswer> {
  const { runs, copies } = parts;
  const { signal } = new AbortController();
  switch (call.kind) {
    case "copy-run":
      // The one who asks has it; nobody else need be asked.
      await runs.ensure(call.run, [from], signal);
      return { kind: "done" };
    case "hand-on-blocks":
      await copies.handOn();
      return { kind: "done" };
    case "have-blocks":
      return { kind: "blocks", here: await runs.haveBlocks(call.cids) };
    case "copy-blocks":
      await runs.ensureBlocks(call.cids, from, signal);
      return { kind: "done" };
    case "store-blocks":
      await runs.coded.store(call.blocks);
      return { kind: "done" };
    case "take-blocks":
      return { kind: "blocks", here: await runs.takeBlocks(call.cids, call.from, signal) };
    case "verify-blocks":
      return { kind: "verified", ...(await runs.verifyBlocks(call.cids)) };
    case "verify-store":
      return { kind: "verified", ...(await runs.verifyStore(call.after)) };
  }
}
