/** Whose view of a volume a call is about: everybody's, or that of the attempt whose handler calls. */
import type { FastifyRequest } from "fastify";
import type { FilePort } from "./file-port.ts";
import type { ClusterPort } from "./ports.ts";
import { principalOf } from "./principal.ts";
import type { OwnFiles } from "./volume-port.ts";

/** Files as the caller sees them. */
export function filesFor(cluster: ClusterPort, request: FastifyRequest): FilePort {
  return principalOf(request).own?.files ?? cluster.files;
}

/** Whole trees as the caller sees them. */
export function treesFor(cluster: ClusterPort, request: FastifyRequest): OwnFiles["volumes"] {
  return principalOf(request).own?.volumes ?? cluster.volumes;
}
