/**
 * Lets the handlers that run on this node at the files of their workflow: each attempt has a token that only
 * this node honours, and only until its handlers have ended. So what is left of an attempt that was given up
 * can write nothing. With the token comes the attempt's view of its workspace, and in the end what it wrote there.
 */
import { randomBytes } from "node:crypto";
import type { AttemptNames, SecretsPort, VolumeAccess, VolumesPort } from "../actors/work-ports.ts";
import type { CallOptions, Principal } from "../api/ports.ts";
import type { TreeCommand } from "../scheduler/tree/commands.ts";
import { Deadline } from "../std/deadline.ts";
import { runOfToken } from "../wire/volume-run.ts";
import { AttemptSecrets } from "./attempt-secrets.ts";
import { endOfAttempt } from "./files/attempt-end.ts";
import { AttemptFiles } from "./files/attempt-files.ts";
import { AttemptView, type Below } from "./files/attempt-view.ts";
import { AttemptVolume } from "./files/attempt-volume.ts";
import type { Mounts } from "./mounts.ts";
import { systemClock } from "./system.ts";

/** Random bytes of a token: nobody guesses it while it is good. */
const TOKEN_BYTES = 24;

/** Of the cluster's tokens none begins so. */
const PREFIX = "jobxattempt_";

/** How long each step of an attempt's end may take, ms, before the attempt is given back. */
const PREPARE_MS_MAX = 30_000;

/** What views stand upon, from when the node's API answers on. */
export interface VolumeGround extends Below {
  readonly secrets: SecretsPort;
  readonly url: string;
  readonly command: (
    workflow: string,
    command: TreeCommand,
    options: CallOptions,
  ) => Promise<unknown>;
}

/** Where volumes are mounted on this machine. */
type Mounted = Pick<Mounts, "directoryOf">;

interface Opened {
  readonly names: AttemptNames;
  readonly workflow: string;
  readonly ground: VolumeGround;
  /** Of the newest run of its handlers that was heard of. */
  run: number;
  view: AttemptView;
  principal: Principal;
}

export class AttemptVolumes implements VolumesPort {
  /** Secrets of the attempts' workflows. */
  readonly secrets = new AttemptSecrets();
  readonly #workflowOf: (group: number) => string | undefined;
  /** Whose handlers may still run, by token. */
  readonly #running = new Map<string, Opened>();
  /** Those that have not ended; they go with who knows them. */
  readonly #opened = new WeakMap<VolumeAccess, Opened>();
  readonly #ground: Promise<VolumeGround>;
  #resolve: (ground: VolumeGround) => void = () => undefined;
  #mounts: Mounted | undefined;

  constructor(workflowOf: (group: number) => string | undefined) {
    this.#workflowOf = workflowOf;
    this.#ground = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** The node's API answers from now on; attempts that came before wait for that. */
  listens(ground: VolumeGround): void {
    this.#resolve(ground);
    this.secrets.opensWith(ground.secrets);
  }

  /** Volumes may be mounted on this machine from now on. */
  mounted(mounts: Mounted | undefined): void {
    this.#mounts = mounts;
  }

  async open(names: AttemptNames): Promise<VolumeAccess | undefined> {
    const workflow = this.#workflowOf(names.group);
    if (workflow === undefined) return undefined;
    const ground = await this.#ground;
    const token = PREFIX + randomBytes(TOKEN_BYTES).toString("base64url");
    const mount = this.#mounts?.directoryOf(workflow);
    const access = { url: ground.url, workflow, token, mount };
    const opened = { names, workflow, ground, ...ofRun(ground, { ...names, workflow, run: 0 }) };
    this.#opened.set(access, opened);
    this.#running.set(token, opened);
    return access;
  }

  close({ token }: VolumeAccess): void {
    this.#running.delete(token);
  }

  async prepare(access: VolumeAccess, signal: AbortSignal): Promise<boolean> {
    const opened = this.#opened.get(access);
    if (opened === undefined) return false;
    const { view, names, ground } = opened;
    const options = { deadline: new Deadline(systemClock, PREPARE_MS_MAX), signal };
    const end = await endOfAttempt(view, options);
    if (end === undefined) return false;
    const command = { kind: "fs-prepare", token: names.token, ...end } as const;
    await ground.command(access.workflow, command, options);
    return true;
  }

  /** What a token of an attempt allows; undefined for all other tokens, and for that of an earlier run. */
  principal(token: string): Principal | undefined {
    const said = runOfToken(token);
    const opened = said && this.#running.get(said.token);
    if (opened === undefined || said === undefined || said.run < opened.run) return undefined;
    if (said.run > opened.run) {
      const { ground, names, workflow } = opened;
      Object.assign(opened, ofRun(ground, { ...names, workflow, run: said.run }));
    }
    return opened.principal;
  }
}

/** A run that begins, with nothing written. */
function ofRun(
  ground: VolumeGround,
  of: AttemptNames & { readonly workflow: string; readonly run: number },
): Pick<Opened, "run" | "view" | "principal"> {
  const { workflow, run } = of;
  const view = new AttemptView(ground, of);
  const own = { files: new AttemptFiles(view), volumes: new AttemptVolume(view) };
  const principal = { role: "submit", workflows: [workflow], filesOnly: true, own } as const;
  return { run, view, principal };
}
