/** Bounds of the HTTP API. What exceeds one is answered with a coded error, never cut or ignored. */

/**
 * Bytes of a body, and so of a submission's arguments: a node holds a body whole and parses and checks
 * it in one go, some ten milliseconds of the thread that everything else needs.
 */
export const BODY_BYTES_MAX = 1 << 20;
/** Bytes of the body of an apply, which carries the sources of all handlers: a thousand of 8 KiB. */
export const APPLY_BODY_BYTES_MAX = 8 << 20;
/**
 * Bytes of the bodies of all calls that are read or worked on at once: what they become when they are
 * parsed is several times as much, and each MiB keeps the thread for some ten milliseconds.
 */
export const BODIES_BYTES_MAX = 64 << 20;
/** Bytes of all request headers together: a long token and some proxies' additions. */
export const HEADER_BYTES_MAX = 16 << 10;
/** Headers of one request; the runtime drops further ones. */
export const HEADERS_MAX = 64;
/** Open connections: each is a file and some KiB, and browsers keep six. */
export const CONNECTIONS_MAX = 2048;
/** Calls being answered, most of them waiting for a request to end. */
export const IN_FLIGHT_MAX = 1024;
/** Of these, calls that wait and streams of events: a quarter of the places stays for short calls. */
export const WAITS_MAX = (IN_FLIGHT_MAX * 3) / 4;
/** Time to send a request whole, so that slow senders do not hold connections. */
export const RECEIVE_MS_MAX = 30_000;
/** Time between two requests on a connection; above that of common clients' polls. */
export const KEEP_ALIVE_MS = 15_000;
/** Longest `?wait=`: proxies give up on an answer after about this time. */
export const WAIT_MS_MAX = 60_000;
/** Deadline of a call whose caller names none: some elections long. */
export const DEADLINE_MS_DEFAULT = 10_000;
/** Longest deadline that a caller may name. */
export const DEADLINE_MS_MAX = 120_000;
/**
 * A connection on which nothing moves for so long is closed, so that who takes no answer keeps no place:
 * longer than any call may wait without saying a word.
 */
export const SILENCE_MS_MAX = WAIT_MS_MAX + DEADLINE_MS_MAX + 60_000;
/** Pairs of one submission; at a few bytes each they fill the body. */
export const ARGUMENTS_MAX = 100_000;
/** Requests in one page of a list. */
export const PAGE_MAX = 1000;
/** Page when the caller does not say. */
export const PAGE_DEFAULT = 50;
/** Bytes of a result inside the answer about its request, for the same reason; larger ones are streamed. */
export const RESULT_BYTES_MAX = 1 << 20;
/** Attempts in one answer: about 2.5 MB of JSON, some ten milliseconds of the control thread. */
export const ATTEMPTS_MAX = 10_000;
/** How long a ticket may be used: a week, for machines that are still being delivered. */
export const TICKET_MS_MAX = 7 * 24 * 3_600_000;
/** How long a ticket may be used when nobody says: an hour at the console. */
export const TICKET_MS_DEFAULT = 3_600_000;
/** Nodes that one ticket may let in. */
export const TICKET_USES_MAX = 1000;
/** Characters of one handler's source. */
export const SOURCE_LENGTH_MAX = 1 << 20;
/** What `Retry-After` says: a failover takes about as long. */
export const RETRY_AFTER_S = 1;
/** Tokens of a cluster: people and programs that are told apart; each node keeps them in memory. */
export const TOKENS_MAX = 10_000;
/** Workflows that one token may be limited to. */
export const TOKEN_WORKFLOWS_MAX = 100;
/** Characters of a token's name. */
export const TOKEN_NAME_LENGTH_MAX = 128;
/** Bytes of a message over WebSocket from outside: nobody has anything to say there. */
export const MESSAGE_BYTES_MAX = 1024;
/**
 * Bytes of a file's content that one upload or its answer has in memory of a node, about: an upload counts as
 * a body of this size, however large the file is.
 */
export const FILE_BODY_BYTES_MAX = 4 << 20;
/** Names in one page of a folder: each is a row to read and 300 bytes of JSON. */
export const NAMES_MAX = 1000;
/** Names in a page when the caller does not say. */
export const NAMES_DEFAULT = 200;
/** Numbers of inodes in one call that reserves some; as many as one command takes. */
export const INODES_RESERVED_MAX = 1024;
/** Copies that a volume may ask for; as many as the tree takes. */
export const VOLUME_COPIES_MAX = 16;
/** Versions of each file that a volume may be asked to keep; as many as the tree takes. */
export const VOLUME_VERSIONS_MAX = 100;
/** Characters of the name of a snapshot. */
export const SNAPSHOT_LENGTH_MAX = 128;
/** Bytes of one block of a file, of any chunking. */
export const BLOCK_BYTES_MAX = 4 << 20;
/** Characters of a path in a query; the tree has bounds of its own, which are lower. */
export const PATH_LENGTH_MAX = 5000;
