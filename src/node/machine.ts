/** What this machine can do for handlers, found out once when a node starts. */
import { probeMachine } from "../handlers/limits/probe.ts";
import { capabilitiesOf, shortcomingsOf } from "../handlers/limits/report.ts";
import type { Log } from "../std/log.ts";
import type { NodeConfig } from "./config/config.ts";
import { systemTimers } from "./system.ts";

/**
 * The configuration with the machine in it, and with what that offers among the capabilities. What is lacking
 * is said in the log, once. A node that runs no units does not look.
 */
export async function onThisMachine(config: NodeConfig, log: Log): Promise<NodeConfig> {
  if (config.slots === 0) return config;
  const machine = await probeMachine(systemTimers);
  const lacks = shortcomingsOf(machine);
  if (lacks.length > 0) log.warn("not all limits of handlers can be enforced here", { lacks });
  const capabilities = [...new Set([...config.capabilities, ...capabilitiesOf(machine)])];
  return { ...config, machine, capabilities };
}
