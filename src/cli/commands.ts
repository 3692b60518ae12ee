/** All commands, in the order in which help shows them. */
import type { Command } from "./command.ts";
import { APPLY } from "./commands/apply.ts";
import { CLUSTER_STATUS } from "./commands/cluster-status.ts";
import { CLUSTER_TICKET } from "./commands/cluster-ticket.ts";
import { HANDLER_LIST } from "./commands/handler-list.ts";
import { HANDLER_SYNC } from "./commands/handler-sync.ts";
import { NODE_LIST } from "./commands/node-list.ts";
import { REQUEST_CANCEL } from "./commands/request-cancel.ts";
import { REQUEST_LIST } from "./commands/request-list.ts";
import { REQUEST_RESUME } from "./commands/request-resume.ts";
import { REQUEST_SHOW } from "./commands/request-show.ts";
import { SUBMIT } from "./commands/submit.ts";
import { WORKFLOW_DELETE } from "./commands/workflow-delete.ts";
import { WORKFLOW_LIST } from "./commands/workflow-list.ts";
import { WORKFLOW_SHOW } from "./commands/workflow-show.ts";

/** The commands of `jobx`. */
export const COMMANDS: readonly Command[] = [
  APPLY,
  SUBMIT,
  REQUEST_SHOW,
  REQUEST_LIST,
  REQUEST_CANCEL,
  REQUEST_RESUME,
  WORKFLOW_LIST,
  WORKFLOW_SHOW,
  WORKFLOW_DELETE,
  HANDLER_SYNC,
  HANDLER_LIST,
  NODE_LIST,
  CLUSTER_STATUS,
  CLUSTER_TICKET,
];
