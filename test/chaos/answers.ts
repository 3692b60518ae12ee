/** Answers of nodes that are read without the client of the API. */
import type { ReplicaStateView } from "../../src/api/admin-port.ts";

/** The answer of `/v1/raft/replicas`. @throws {Error} when it is another one. */
export function asReplicas(answer: unknown): readonly ReplicaStateView[] {
  if (isReplicas(answer)) return answer.replicas;
  throw new Error("the node did not answer with its replicas");
}

function isReplicas(answer: unknown): answer is { readonly replicas: readonly ReplicaStateView[] } {
  return (
    typeof answer === "object" &&
    answer !== null &&
    "replicas" in answer &&
    Array.isArray(answer.replicas)
  );
}
