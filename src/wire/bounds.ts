/**
 * How large the parts of messages and records may be. Encoding asserts these, so whoever takes a value
 * from a person, a handler or a file checks or cuts it first. Bounds are wide on purpose: the sizes
 * that users meet are decided where the values come in.
 */

/** Characters of a name (workflow, step, job, handler, capability); `workflow/names.ts` has the rule. */
export const NAME_LENGTH_MAX = 128;

/** Characters of a machine-made id: nodes, stores, executors, tickets, clusters. */
export const ID_LENGTH_MAX = 128;

/** Characters of a client's idempotency key or of the hash of a command's body. */
export const CLIENT_KEY_LENGTH_MAX = 1024;

/** Characters of a row's key: a capability and a path of 32 child numbers fit several times. */
export const ROW_KEY_LENGTH_MAX = 2048;

/** Characters of a request's or invocation's id: a name, then up to 35 numbers. */
export const UNIT_ID_LENGTH_MAX = 1024;

/** Characters of each text of a failure. Workers cut theirs at 64 Ki; this leaves room for a remark. */
export const ERROR_TEXT_LENGTH_MAX = 128 * 1024;

/** Characters of each text that an attempt which ended well has printed. Executors cut theirs at 4 Ki. */
export const PRINTED_LENGTH_MAX = 16 * 1024;

/** Bytes of each stream in an answer about what an attempt prints. Executors keep 64 KiB of each. */
export const OUTPUT_PART_BYTES_MAX = 128 * 1024;

/** Characters of a signal's name, such as `SIGKILL`. */
export const SIGNAL_LENGTH_MAX = 16;

/** Characters of an error's code. */
export const CODE_LENGTH_MAX = 128;

/** Details of an error that another node is told, and characters of each name and text. */
export const DETAILS_MAX = 64;
export const DETAIL_LENGTH_MAX = 4096;

/** Warnings in one outcome or request, and characters of each. Only the first 20 are kept. */
export const WARNINGS_MAX = 256;
export const WARNING_LENGTH_MAX = 16 * 1024;

/**
 * Characters of a handler's source. More than fits a log entry of 1 MiB, so that a large one is refused
 * there with a coded error instead of failing an assertion here.
 */
export const SOURCE_LENGTH_MAX = 4 * 1024 * 1024;

/** Pieces of one dataset: a result of 1024 partitions with 64 runs each. */
export const PIECES_MAX = 65_536;

/** Nodes that are named as holders of one run; more copies than this need no naming. */
export const HOLDERS_MAX = 64;

/** Capabilities of a node. */
export const CAPABILITIES_MAX = 1024;

/** Addresses of a node, characters of each, and of its API's URL. */
export const ADDRESSES_MAX = 64;
export const ADDRESS_LENGTH_MAX = 1024;
export const URL_LENGTH_MAX = 2048;

/** Attempts named in one message between executor and scheduler. */
export const TOKENS_MAX = 65_536;

/** Rows asked for by one call, and rows in its answer. */
export const ROWS_MAX = 16_384;

/** Rows that are asked for with a command. */
export const ROWS_TOLD_MAX = 16;

/** Raft messages in one control message: two for each of many thousand groups. */
export const RAFT_ITEMS_MAX = 65_536;

/** Blocks in one question or order between nodes. */
export const BLOCKS_ASKED_MAX = 256;

/** Small blocks that come along with one order to store them, and bytes of each. */
export const BLOCKS_PUSHED_MAX = 32;
export const PUSHED_BLOCK_BYTES_MAX = 64 * 1024;

/** Nodes that one order names as those that may have its blocks. */
export const BLOCKS_FROM_MAX = 64;
/** Inodes, or names, of one change of a tree, and changes in one answer; a leader tells half as many. */
export const TREE_ITEMS_MAX = 4096;
/** Runs in one answer about what the rows of a workflow name: a page of rows, and one row of the largest size. */
export const RUNS_NAMED_MAX = 65_536;
