/** Where a container engine listens: what the owner says, else `DOCKER_HOST`, else the usual sockets. */
import { ContainersError } from "./errors.ts";

/** Where an engine's HTTP interface is. */
export type EngineAddress =
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** Sockets of engines that are started as their packages do it; rootless ones last. */
const USUAL_SOCKETS = ["/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock"];

/** Where an engine listens that says only a host. */
const TCP_PORT = 2375;

/**
 * Parses `unix:///PATH`, an absolute path, or `tcp://HOST:PORT` (without TLS: for a port of this machine).
 * @throws {JobxError} `CONTAINER_ENGINE_ADDRESS_INVALID` for anything else.
 */
export function parseEngineAddress(text: string): EngineAddress {
  const path = text.startsWith("unix://") ? text.slice("unix://".length) : text;
  if (path.startsWith("/") && !path.includes("\0")) return { kind: "socket", path };
  const tcp = /^tcp:\/\/([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?\/?$/.exec(text);
  const port = tcp?.[2] === undefined ? TCP_PORT : Number(tcp[2]);
  if (tcp?.[1] === undefined || port < 1 || port > 65_535) {
    throw new ContainersError(
      { code: "CONTAINER_ENGINE_ADDRESS_INVALID", address: text },
      `a container engine is named as unix:///PATH or tcp://HOST:PORT, not ${JSON.stringify(text)}`,
    );
  }
  return { kind: "tcp", host: tcp[1].replace(/^\[|\]$/g, ""), port };
}

/** As it is written: for settings, logs and errors. */
export function engineAddressText(address: EngineAddress): string {
  if (address.kind === "socket") return `unix://${address.path}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `tcp://${host}:${address.port}`;
}

/** What only other programs understand, such as `ssh://`, is no engine of this one, and no mistake. */
function hostCandidates(host: string): readonly EngineAddress[] {
  try {
    return [parseEngineAddress(host)];
  } catch {
    return [];
  }
}

/**
 * Where to look for an engine, in order. Who says where it is wants no other one.
 * @throws {JobxError} `CONTAINER_ENGINE_ADDRESS_INVALID` for the setting.
 */
export function engineCandidates(options: {
  readonly setting: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): readonly EngineAddress[] {
  const { setting, environment } = options;
  if (setting === "none") return [];
  if (setting !== "") return [parseEngineAddress(setting)];
  const host = environment["DOCKER_HOST"];
  if (host !== undefined && host !== "") return hostCandidates(host);
  const runtime = environment["XDG_RUNTIME_DIR"];
  const own = runtime?.startsWith("/")
    ? [`${runtime}/docker.sock`, `${runtime}/podman/podman.sock`]
    : [];
  return [...USUAL_SOCKETS, ...own].map((path) => ({ kind: "socket", path }));
}
