/** What a node's owner says about containers. */
import { resolve } from "node:path";
import { engineAddressText, engineCandidates } from "../../containers/engine-address.ts";
import type { ContainerSettings } from "../../containers/settings.ts";
import { ConfigError } from "./errors.ts";
import type { Given } from "./file.ts";

export type ContainerConfig = Pick<ContainerSettings, "engines" | "logins" | "paths">;

/**
 * Parses what is set; the environment is looked at for what docker's own command would use.
 * @throws {ConfigError} `CONFIG_INVALID`.
 */
export function containerConfig(
  settings: Readonly<Record<"container-engine" | "container-logins" | "container-paths", Given>>,
  environment: Readonly<Record<string, string | undefined>>,
): ContainerConfig {
  const engine = settings["container-engine"];
  const paths = settings["container-paths"];
  const logins = settings["container-logins"].text;
  return {
    engines: engines(engine, environment),
    logins: logins === "" ? "" : resolve(logins),
    paths: paths.text
      .split(",")
      .map((path) => path.trim())
      .filter((path) => path !== "")
      .map((path) => {
        // Engines take a colon as the end of a path.
        if (path.startsWith("/") && !path.includes(":") && !path.includes("\0"))
          return resolve(path);
        throw invalid("container-paths", paths.source, "absolute paths without a colon");
      }),
  };
}

function engines(
  { text, source }: Given,
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  try {
    // A path is meant from where the node is started.
    const setting = text === "" || text === "none" || text.includes("://") ? text : resolve(text);
    return engineCandidates({ setting, environment }).map(engineAddressText);
  } catch {
    const expected = "unix:///PATH, tcp://HOST:PORT or none";
    throw invalid("container-engine", source, expected);
  }
}

function invalid(option: string, source: string, expected: string): ConfigError {
  return new ConfigError(
    { code: "CONFIG_INVALID", option, source },
    `${source}: expected ${expected}`,
  );
}
