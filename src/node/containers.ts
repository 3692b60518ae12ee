/** Containers at one node: what its workers are told, and the capability that it offers while an engine answers. */
import type { ClusterNodeOptions } from "../actors/node-deps.ts";
import type { ContainerSettings } from "../containers/settings.ts";
import { ContainerWatch } from "../containers/watch.ts";
import type { MemberInfo } from "../scheduler/system/commands.ts";
import type { Timers } from "../std/clock.ts";
import type { Log } from "../std/log.ts";
import { CONTAINER_CAPABILITY } from "../workflow/container-handler.ts";
import type { NodeConfig } from "./config/config.ts";

export class NodeContainers {
  readonly settings: ContainerSettings;
  readonly #said: readonly string[];
  readonly #watch: ContainerWatch;
  #isThere = false;

  constructor(
    config: Pick<NodeConfig, "capabilities" | "containers" | "handlerMemoryBytes">,
    about: {
      readonly cluster: string;
      readonly node: string;
      readonly timers: Timers;
      readonly log: Log;
    },
  ) {
    const { cluster, node, timers, log } = about;
    this.#said = config.capabilities;
    this.settings = {
      ...config.containers,
      memoryBytes: config.handlerMemoryBytes,
      ...{ cluster, node },
    };
    this.#watch = new ContainerWatch({
      settings: this.settings,
      ...{ timers, log },
      onChange: (isThere) => {
        this.#isThere = isThere;
      },
    });
  }

  /** What the owner says, and `docker` while an engine is there. */
  get capabilities(): readonly string[] {
    if (!this.#isThere || this.#said.includes(CONTAINER_CAPABILITY)) return this.#said;
    return [...this.#said, CONTAINER_CAPABILITY];
  }

  start(): void {
    this.#watch.start();
  }

  /** When no worker runs any more: removes what they have left. */
  stop(): Promise<void> {
    return this.#watch.stop();
  }

  /** The same options, with the capabilities of each moment. */
  optionsOf(options: ClusterNodeOptions): ClusterNodeOptions {
    return { ...options, executor: this.#offering(options.executor) };
  }

  /** The same member, with the capabilities of each moment. */
  memberOf(member: MemberInfo): MemberInfo {
    return this.#offering(member);
  }

  #offering<T extends { readonly capabilities: readonly string[] }>(one: T): T {
    const offered = { ...one };
    Object.defineProperty(offered, "capabilities", {
      enumerable: true,
      get: () => this.capabilities,
    });
    return offered;
  }
}
