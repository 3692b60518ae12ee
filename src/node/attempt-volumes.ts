/**
 * Lets the handlers that run on this node at the files of their workflow: each attempt has a token that only
 * this node honours, and only until its handlers have ended. So what is left of an attempt that was given up
 * can write nothing. With the token comes the attempt's view of its workspace, and in the end what it wrote there.
 */
import { randomBytes } from "node:crypto";
import type { AttemptNames, VolumeAccess, VolumesPort } from "../actors/work-ports.ts";
import type { CallOptions, Principal } from "../api/ports.ts";
import type { TreeCommand } from "../scheduler/tree/commands.ts";
import { Deadline } from "../std/deadline.ts";
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
  readonly view: AttemptView;
  readonly names: AttemptNames;
  readonly ground: VolumeGround;
}

export class AttemptVolumes implements VolumesPort {
  readonly #workflowOf: (group: number) => string | undefined;
  readonly #principals = new Map<string, Principal>();
  /** Of those who have not ended; they go with who knows them. */
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
    const view = new AttemptView(ground, { ...names, workflow });
    const own = { files: new AttemptFiles(view), volumes: new AttemptVolume(view) };
    this.#opened.set(access, { view, names, ground });
    this.#principals.set(token, { role: "submit", workflows: [workflow], filesOnly: true, own });
    return access;
  }

  close({ token }: VolumeAccess): void {
    this.#principals.delete(token);
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

  /** What a token of an attempt allows; undefined for all other tokens. */
  principal(token: string): Principal | undefined {
    return this.#principals.get(token);
  }
}
