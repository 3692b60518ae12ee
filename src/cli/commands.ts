/** All commands, in the order in which help shows them. */
import type { Command } from "./command.ts";
import { APPLY } from "./commands/apply.ts";
import { CLUSTER_STATUS } from "./commands/cluster-status.ts";
import { CLUSTER_TICKET } from "./commands/cluster-ticket.ts";
import { CLUSTER_TICKET_LIST } from "./commands/cluster-ticket-list.ts";
import { CLUSTER_TICKET_REVOKE } from "./commands/cluster-ticket-revoke.ts";
import { FS_CAT } from "./commands/fs-cat.ts";
import { FS_CP } from "./commands/fs-cp.ts";
import { FS_DIFF } from "./commands/fs-diff.ts";
import { FS_DU } from "./commands/fs-du.ts";
import { FS_EXPORT } from "./commands/fs-export.ts";
import { FS_GC } from "./commands/fs-gc.ts";
import { FS_GET } from "./commands/fs-get.ts";
import { FS_HEAL } from "./commands/fs-heal.ts";
import { FS_HISTORY } from "./commands/fs-history.ts";
import { FS_IMPORT } from "./commands/fs-import.ts";
import { FS_LS } from "./commands/fs-ls.ts";
import { FS_MKDIR } from "./commands/fs-mkdir.ts";
import { FS_MOUNT } from "./commands/fs-mount.ts";
import { FS_MV } from "./commands/fs-mv.ts";
import { FS_PUT } from "./commands/fs-put.ts";
import { FS_QUOTA } from "./commands/fs-quota.ts";
import { FS_RESTORE } from "./commands/fs-restore.ts";
import { FS_RM } from "./commands/fs-rm.ts";
import { FS_SNAPSHOT } from "./commands/fs-snapshot.ts";
import { FS_SNAPSHOTS } from "./commands/fs-snapshots.ts";
import { FS_STAT } from "./commands/fs-stat.ts";
import { FS_TREE } from "./commands/fs-tree.ts";
import { FS_UNMOUNT } from "./commands/fs-unmount.ts";
import { FS_VERIFY } from "./commands/fs-verify.ts";
import { FS_WHERE } from "./commands/fs-where.ts";
import { FS_XATTR_GET, FS_XATTR_LIST, FS_XATTR_RM, FS_XATTR_SET } from "./commands/fs-xattr.ts";
import { HANDLER_DELETE } from "./commands/handler-delete.ts";
import { HANDLER_LIST } from "./commands/handler-list.ts";
import { HANDLER_SHOW } from "./commands/handler-show.ts";
import { HANDLER_SYNC } from "./commands/handler-sync.ts";
import { IMAGE_LOAD } from "./commands/image-load.ts";
import { IMAGE_LS } from "./commands/image-ls.ts";
import { IMAGE_RM } from "./commands/image-rm.ts";
import { JOB_CREATE } from "./commands/job-create.ts";
import { JOB_DELETE } from "./commands/job-delete.ts";
import { JOB_LIST } from "./commands/job-list.ts";
import { JOB_SHOW } from "./commands/job-show.ts";
import { LOGS } from "./commands/logs.ts";
import { MAP } from "./commands/map.ts";
import { NODE_DRAIN } from "./commands/node-drain.ts";
import { NODE_LIST } from "./commands/node-list.ts";
import { NODE_REMOVE } from "./commands/node-remove.ts";
import { NODE_SHOW } from "./commands/node-show.ts";
import { NODE_UNDRAIN } from "./commands/node-undrain.ts";
import { RAFT_LIST } from "./commands/raft-list.ts";
import { RAFT_RECOVER } from "./commands/raft-recover.ts";
import { RAFT_REPLICAS } from "./commands/raft-replicas.ts";
import { RAFT_TRANSFER } from "./commands/raft-transfer.ts";
import { REQUEST_ATTEMPTS } from "./commands/request-attempts.ts";
import { REQUEST_CANCEL } from "./commands/request-cancel.ts";
import { REQUEST_DELETE } from "./commands/request-delete.ts";
import { REQUEST_INVOCATION } from "./commands/request-invocation.ts";
import { REQUEST_INVOCATIONS } from "./commands/request-invocations.ts";
import { REQUEST_LIST } from "./commands/request-list.ts";
import { REQUEST_RESULT } from "./commands/request-result.ts";
import { REQUEST_RESUME } from "./commands/request-resume.ts";
import { REQUEST_RETRY } from "./commands/request-retry.ts";
import { REQUEST_SHOW } from "./commands/request-show.ts";
import { SEAL } from "./commands/seal.ts";
import { SECRET_LIST } from "./commands/secret-list.ts";
import { SECRET_RM } from "./commands/secret-rm.ts";
import { SECRET_SET } from "./commands/secret-set.ts";
import { STEP_CREATE } from "./commands/step-create.ts";
import { STEP_DELETE } from "./commands/step-delete.ts";
import { STEP_LIST } from "./commands/step-list.ts";
import { STEP_SHOW } from "./commands/step-show.ts";
import { SUBMIT } from "./commands/submit.ts";
import { TOKEN_CREATE } from "./commands/token-create.ts";
import { TOKEN_LIST } from "./commands/token-list.ts";
import { TOKEN_REVOKE } from "./commands/token-revoke.ts";
import { WHY } from "./commands/why.ts";
import { WORKFLOW_CREATE } from "./commands/workflow-create.ts";
import { WORKFLOW_DELETE } from "./commands/workflow-delete.ts";
import { WORKFLOW_KEY_EXPORT } from "./commands/workflow-key-export.ts";
import { WORKFLOW_KEY_IMPORT } from "./commands/workflow-key-import.ts";
import { WORKFLOW_LIST } from "./commands/workflow-list.ts";
import { WORKFLOW_SHOW } from "./commands/workflow-show.ts";

/** The commands of `jobx`. */
export const COMMANDS: readonly Command[] = [
  APPLY,
  SUBMIT,
  MAP,
  LOGS,
  WHY,
  REQUEST_SHOW,
  REQUEST_LIST,
  REQUEST_INVOCATIONS,
  REQUEST_INVOCATION,
  REQUEST_ATTEMPTS,
  REQUEST_CANCEL,
  REQUEST_RESUME,
  REQUEST_RESULT,
  REQUEST_RETRY,
  REQUEST_DELETE,
  WORKFLOW_CREATE,
  WORKFLOW_LIST,
  WORKFLOW_SHOW,
  WORKFLOW_DELETE,
  WORKFLOW_KEY_EXPORT,
  WORKFLOW_KEY_IMPORT,
  HANDLER_SYNC,
  HANDLER_LIST,
  HANDLER_SHOW,
  HANDLER_DELETE,
  STEP_CREATE,
  STEP_LIST,
  STEP_SHOW,
  STEP_DELETE,
  JOB_CREATE,
  JOB_LIST,
  JOB_SHOW,
  JOB_DELETE,
  IMAGE_LOAD,
  IMAGE_LS,
  IMAGE_RM,
  FS_PUT,
  FS_GET,
  FS_CAT,
  FS_LS,
  FS_STAT,
  FS_MKDIR,
  FS_CP,
  FS_MV,
  FS_RM,
  FS_TREE,
  FS_DU,
  FS_DIFF,
  FS_SNAPSHOT,
  FS_SNAPSHOTS,
  FS_HISTORY,
  FS_RESTORE,
  FS_EXPORT,
  FS_IMPORT,
  FS_XATTR_LIST,
  FS_XATTR_GET,
  FS_XATTR_SET,
  FS_XATTR_RM,
  FS_QUOTA,
  FS_WHERE,
  FS_VERIFY,
  FS_HEAL,
  FS_GC,
  FS_MOUNT,
  FS_UNMOUNT,
  NODE_LIST,
  NODE_SHOW,
  NODE_DRAIN,
  NODE_UNDRAIN,
  NODE_REMOVE,
  CLUSTER_STATUS,
  CLUSTER_TICKET,
  CLUSTER_TICKET_LIST,
  CLUSTER_TICKET_REVOKE,
  RAFT_LIST,
  RAFT_REPLICAS,
  RAFT_TRANSFER,
  RAFT_RECOVER,
  TOKEN_CREATE,
  TOKEN_LIST,
  TOKEN_REVOKE,
  SECRET_SET,
  SECRET_LIST,
  SECRET_RM,
  SEAL,
];
