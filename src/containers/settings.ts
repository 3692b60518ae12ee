/** What a node says about containers, and its workers are told. */
import { readFile } from "node:fs/promises";
import { Engine } from "./engine.ts";
import { parseEngineAddress } from "./engine-address.ts";
import type { RegistryLogin } from "./engine-images.ts";
import { ContainersError, unreachable } from "./errors.ts";
import { fieldsOf, parseAnswer, textOr, textsOf } from "./fields.ts";

/** Plain data: it goes to threads and workers. */
export interface ContainerSettings {
  /** Where an engine may be, in order; none: this node runs no containers. */
  readonly engines: readonly string[];
  /** A file with logins of registries in the form of Docker's `config.json`; empty for none. */
  readonly logins: string;
  /** Directories and files of the machine that containers may be shown, with what lies below them. */
  readonly paths: readonly string[];
  /** Memory of a container that does not say, bytes. */
  readonly memoryBytes: number | undefined;
  /** For labels. */
  readonly cluster: string;
  readonly node: string;
}

/** Reads what a node has written as JSON for its worker; undefined for a node that runs no containers. */
export function parseSettings(text: string): ContainerSettings | undefined {
  const value = parseAnswer(text);
  if (value === null) return undefined;
  const fields = fieldsOf(value);
  const memoryBytes = fields["memoryBytes"];
  return {
    engines: textsOf(fields["engines"]),
    logins: textOr(fields["logins"], ""),
    paths: textsOf(fields["paths"]),
    memoryBytes: typeof memoryBytes === "number" ? memoryBytes : undefined,
    cluster: textOr(fields["cluster"], ""),
    node: textOr(fields["node"], ""),
  };
}

/**
 * The first engine that answers.
 * @throws {JobxError} `CONTAINER_ENGINE_UNREACHABLE`, `CONTAINER_ENGINE_SILENT` when none does.
 */
export async function findEngine(engines: readonly string[]): Promise<Engine> {
  let first: unknown;
  for (const text of engines) {
    const engine = new Engine(parseEngineAddress(text));
    try {
      await engine.ping();
      return engine;
    } catch (error) {
      // One that is there and hangs tells more than one that is not there.
      const isSilent = error instanceof ContainersError && error.code === "CONTAINER_ENGINE_SILENT";
      if (first === undefined || isSilent) first = error;
    }
  }
  throw first instanceof Error ? first : unreachable("(none)", undefined);
}

/** The login of a registry, if the file has one. A file that cannot be read has none. */
export async function loginOf(file: string, registry: string): Promise<RegistryLogin | undefined> {
  if (file === "") return undefined;
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    return undefined;
  }
  const logins = fieldsOf(fieldsOf(parseAnswer(text))["auths"]);
  const keys = [registry, `https://${registry}`, ...(registry === "docker.io" ? [HUB] : [])];
  const found = fieldsOf(keys.map((key) => logins[key]).find((one) => one !== undefined));
  const pair = Buffer.from(textOr(found["auth"], ""), "base64").toString("utf8");
  const colon = pair.indexOf(":");
  const username = textOr(found["username"], colon < 0 ? "" : pair.slice(0, colon));
  const password = textOr(found["password"], colon < 0 ? "" : pair.slice(colon + 1));
  return username === "" ? undefined : { username, password };
}

/** How `docker login` names its own registry. */
const HUB = "https://index.docker.io/v1/";
