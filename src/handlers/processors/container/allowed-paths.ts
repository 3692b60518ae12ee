/** What of the machine a container may see: what the node's owner has named, and what lies below that. */
import { realpathSync } from "node:fs";
import type { ContainerMount } from "../../../containers/container-spec.ts";
import { Fault } from "../javascript/javascript-fault.ts";

/**
 * The mounts by where they really are. An engine looks a path up again after this: so there is no link in it that
 * a container could exchange until then, neither below what the owner has named nor below what is given to write.
 * @throws {Fault} `CONTAINER_PATH_FORBIDDEN` for what the owner (`paths`) has not allowed.
 */
export function allowedMounts(
  mounts: readonly ContainerMount[],
  paths: readonly string[],
): readonly ContainerMount[] {
  const found = mounts.map((mount) => {
    const source = plainSource(mount.source, paths);
    if (source === undefined) throw forbidden(mount);
    return { ...mount, source };
  });
  const written = found.filter(({ readOnly }) => !readOnly);
  for (const mount of found) {
    const { source } = mount;
    const isBelow = written.some((one) => source.startsWith(`${one.source}/`));
    if (isBelow && !paths.includes(source)) throw forbidden(mount);
  }
  return found;
}

/** Undefined for what is not allowed, not there, or reached by a link from what the owner has named on. */
function plainSource(written: string, paths: readonly string[]): string | undefined {
  const source = realOf(written);
  // An engine takes a colon for the end of the path.
  if (source === undefined || source.includes(":")) return undefined;
  const parts = written.split("/");
  const isPlain = parts.some((_part, at) => {
    const above = realOf(parts.slice(0, at + 1).join("/"));
    if (above === undefined || !paths.includes(above)) return false;
    return [above, ...parts.slice(at + 1)].join("/") === source;
  });
  return isPlain ? source : undefined;
}

function realOf(path: string): string | undefined {
  try {
    return path === "" ? undefined : realpathSync(path);
  } catch {
    return undefined;
  }
}

function forbidden({ source }: ContainerMount): Fault {
  const message = `this node's owner does not let containers see ${source}`;
  return new Fault("CONTAINER_PATH_FORBIDDEN", message);
}
