/** A volume with requests, whose attempts write into their workspaces through the code of a node. */
import type { VolumeAccess } from "../../src/actors/work-ports.ts";
import type { FilePort } from "../../src/api/file-port.ts";
import type { Principal } from "../../src/api/ports.ts";
import type { OwnFiles } from "../../src/api/volume-port.ts";
import { AttemptSecrets } from "../../src/node/attempt-secrets.ts";
import { AttemptVolumes } from "../../src/node/attempt-volumes.ts";
import { workspacePath } from "../../src/scheduler/tree/workspace.ts";
import { requestId, type Token } from "../../src/scheduler/unit.ts";
import type { Outcome } from "../../src/scheduler/work.ts";
import { assert } from "../../src/std/assert.ts";
import { reduced, sketchDefinition } from "./scheduler-values.ts";
import { OPTIONS, slices, VolumeKit } from "./volume-kit.ts";

/** What one attempt may do. */
export interface Attempt {
  readonly token: Token;
  readonly access: VolumeAccess;
  readonly principal: Principal;
  readonly own: OwnFiles;
}

export class AttemptKit extends VolumeKit {
  readonly attempts = new AttemptVolumes((group) => (group === 7 ? "flow" : undefined));
  readonly request: number;
  /** The path of the request's workspace. */
  readonly space: string;

  constructor(retries = 3) {
    super();
    const { sources, define } = sketchDefinition([{ name: "top", retries }]);
    for (const command of [...sources, { ...define, revision: 0 }]) this.tree.run(command);
    this.request = this.tree.submit();
    this.space = workspacePath(requestId("flow", 7, this.request));
    const { files, volumes } = this;
    const command = (_workflow: string, one: Parameters<VolumeKit["before"]>[0]) =>
      this.command(one);
    this.attempts.listens({
      ...{ url: "http://here", files, volumes, command },
      secrets: new AttemptSecrets(),
    });
  }

  /** Grants the request's unit. */
  async begin(): Promise<Attempt> {
    const { token } = this.tree.grant();
    const request = requestId("flow", 7, this.request);
    const access = await this.attempts.open({ group: 7, token, request });
    assert(access !== undefined, "the workflow is known");
    const principal = this.attempts.principal(access.token);
    assert(principal?.own !== undefined, "the attempt has a view of its own");
    return { token, access, principal, own: principal.own };
  }

  /** As its node does when the handlers have ended; whether there were files to be seen. */
  async end({ access, token }: Attempt, outcome: Outcome = reduced([])): Promise<boolean> {
    this.attempts.close(access);
    const hasFiles = await this.attempts.prepare(access, OPTIONS.signal);
    this.tree.end(token, outcome);
    return hasFiles;
  }
}

/** Writes a text to a path of the workflow, as somebody sees it. */
export async function write(files: FilePort, path: string, text: string): Promise<void> {
  const how = { expect: { kind: "any" }, mode: undefined, parents: true } as const;
  const input = { workflow: "flow", path, ...how, sha256: undefined };
  await files.put(input, slices([Buffer.from(text)]), OPTIONS);
}

/** All files and folders below a path as somebody sees them, with what is in the files; undefined where nothing is. */
export async function below(
  files: FilePort,
  path: string,
  limit = 1000,
): Promise<Readonly<Record<string, string>> | undefined> {
  const found: Record<string, string> = {};
  const visit = async (folder: string): Promise<void> => {
    let after: string | undefined;
    do {
      const page = await files.list({ workflow: "flow", path: folder, limit, after }, OPTIONS);
      for (const { name, type } of page.entries) {
        const at = `${folder}/${name}`;
        found[at.slice(path.length + 1)] = type === "directory" ? "/" : await read(files, at);
        if (type === "directory") await visit(at);
      }
      after = page.next ?? undefined;
    } while (after !== undefined);
  };
  const isThere = await files
    .stat({ workflow: "flow", path, follow: false }, OPTIONS)
    .catch(() => undefined);
  if (isThere === undefined) return undefined;
  await visit(path);
  return found;
}

/** The text of a file. */
export async function read(files: FilePort, path: string): Promise<string> {
  const file = await files.open({ workflow: "flow", path }, OPTIONS);
  const parts: Uint8Array[] = [];
  const { bytes } = file.view;
  if (bytes > 0) for await (const part of await file.read({ from: 0, to: bytes })) parts.push(part);
  return Buffer.concat(parts).toString();
}
