/** The tokens of the cluster: made, listed, revoked, and what each allows. */
import { createHash, randomBytes } from "node:crypto";
import type { Directory } from "../actors/directory.ts";
import { TOKENS_MAX } from "../api/limits.ts";
import type { ClusterPort, Principal, TokenView } from "../api/ports.ts";
import { administers, type TokenRow } from "../scheduler/system/rows.ts";
import type { Clock } from "../std/clock.ts";
import type { Deadline } from "../std/deadline.ts";
import { ClusterError } from "./cluster-errors.ts";
import { RIGHTS_AGE_MS_MAX } from "./copy-age.ts";
import { isNodeToken } from "./own-token.ts";
import type { ReadEnd } from "./system-view.ts";
import { unlessRefused } from "./unless-refused.ts";
import { isoTime } from "./views.ts";
import type { WorkflowWriter } from "./workflow-writer.ts";

/** Random bytes of a token: nobody guesses it, so its plain hash tells nothing. */
const TOKEN_BYTES = 32;

/** Hex digits of a hash that lists show: enough to tell tokens apart. */
const ID_LENGTH = 16;

/** A token that is not known here is asked for no longer than this. */
const MISS_MS_MAX = 2_000;

/**
 * A text that was no token just now is none for so long: tokens are random, so nobody could name one
 * before it was made.
 */
const UNKNOWN_MS = 5_000;

/** Such texts that are remembered. */
const UNKNOWN_MAX = 1_000;

export interface TokensDeps {
  readonly clock: Clock;
  /** Makes the directory as new as the call, within so many milliseconds. */
  readonly fresh: (ms: number) => Promise<void>;
  readonly directory: Pick<Directory, "token" | "tokens">;
  readonly writer: Pick<WorkflowWriter, "system">;
  /** How old this node's copy of the system group may be, ms; undefined when it cannot tell. */
  readonly copyAgeMs: () => number | undefined;
  /** The token in this node's data directory, if it has one. */
  readonly own: string | undefined;
  /** Whether this node was removed from the cluster, as far as it knows. */
  readonly isRemoved: () => boolean;
}

/** What the token that a node honours by itself allows: see `own-token.ts`. */
const NODES_OWN: Principal = { role: "admin", workflows: null };

export class Tokens {
  readonly #clock: Clock;
  readonly #fresh: TokensDeps["fresh"];
  readonly #directory: TokensDeps["directory"];
  readonly #writer: TokensDeps["writer"];
  readonly #copyAgeMs: TokensDeps["copyAgeMs"];
  readonly #ownHash: string | undefined;
  readonly #honoursOwn: boolean;
  readonly #isRemoved: TokensDeps["isRemoved"];
  /** Hashes of texts that were no tokens, with until when that holds; the oldest first. */
  readonly #unknown = new Map<string, number>();

  constructor({ clock, fresh, directory, writer, copyAgeMs, own, isRemoved }: TokensDeps) {
    this.#clock = clock;
    this.#fresh = fresh;
    this.#directory = directory;
    this.#writer = writer;
    this.#copyAgeMs = copyAgeMs;
    this.#ownHash = own === undefined ? undefined : hashOf(own);
    this.#honoursOwn = own !== undefined && isNodeToken(own);
    this.#isRemoved = isRemoved;
  }

  /**
   * What a token allows, by this node's own copy of the system group; one that is not in it may have been
   * made elsewhere just now, so the copy is made new before it is called unknown.
   * @throws {ActorError} `NO_MAJORITY` when that cannot be done.
   * @throws {ClusterError} `TOKEN_COPY_OLD` when the copy is too old to grant anything. The token that
   * lies in this node's data directory needs no fresh copy: whoever reads it has the data as well.
   */
  async principal(token: string, ms: number): Promise<Principal | undefined> {
    const hash = hashOf(token);
    if (this.#isNodes(hash)) return this.#isRemoved() ? undefined : NODES_OWN;
    const row = this.#directory.token(hash) ?? (await this.#look(hash, ms));
    if (row === undefined) return undefined;
    const ageMs = this.#copyAgeMs() ?? Number.POSITIVE_INFINITY;
    // R8
    if (hash !== this.#ownHash && ageMs > RIGHTS_AGE_MS_MAX) {
      throw new ClusterError(
        { code: "TOKEN_COPY_OLD" },
        "this node has heard of no leader of the cluster for a minute, so it cannot tell whether the token was revoked",
      );
    }
    return { role: row.role, workflows: row.workflows ?? null };
  }

  /** By this node's own copy, however old that is: whether the token has not been revoked as far as is known here. */
  isKnown(token: string): boolean {
    const hash = hashOf(token);
    if (this.#isNodes(hash)) return !this.#isRemoved();
    return this.#directory.token(hash) !== undefined;
  }

  /** Whether it is this node's own, of which the cluster knows nothing. */
  #isNodes(hash: string): boolean {
    return this.#honoursOwn && hash === this.#ownHash;
  }

  async #look(hash: string, ms: number): Promise<TokenRow | undefined> {
    if (this.#clock.nowMs() < (this.#unknown.get(hash) ?? 0)) return undefined;
    await this.#fresh(Math.min(ms, MISS_MS_MAX));
    const row = this.#directory.token(hash);
    if (row !== undefined) return row;
    this.#unknown.delete(hash);
    this.#unknown.set(hash, this.#clock.nowMs() + UNKNOWN_MS);
    const [oldest] = this.#unknown.keys();
    if (this.#unknown.size > UNKNOWN_MAX && oldest !== undefined) this.#unknown.delete(oldest);
    return undefined;
  }

  /** By a new copy unless an old one will do. @throws {ActorError} `NO_MAJORITY`. */
  async list({ deadline, stale = false }: ReadEnd): Promise<readonly TokenView[]> {
    if (!stale) await this.#fresh(deadline.leftMs());
    return this.#directory.tokens().map(({ hash, row }) => viewOf(hash, row));
  }

  /** @throws {ClusterError} `TOKEN_TOO_MANY`. */
  async create(
    input: Parameters<ClusterPort["createToken"]>[0],
    deadline: Deadline,
  ): ReturnType<ClusterPort["createToken"]> {
    if (this.#directory.tokens().length >= TOKENS_MAX) {
      throw new ClusterError({ code: "TOKEN_TOO_MANY" }, `there are ${TOKENS_MAX} tokens already`);
    }
    const token = `jobx_${randomBytes(TOKEN_BYTES).toString("base64url")}`;
    const hash = hashOf(token);
    const { role, name } = input;
    const workflows = input.workflows ?? undefined;
    await this.#writer.system({ kind: "create-token", hash, role, name, workflows }, deadline);
    const row = this.#directory.token(hash);
    // Another node leads the system group, and this one has not heard of it yet: about now.
    const createdMs = row?.createdMs ?? Date.now();
    return { token, ...viewOf(hash, { kind: "token", role, name, workflows, createdMs }) };
  }

  /** @throws {ClusterError} `TOKEN_UNKNOWN`, `TOKEN_LAST_ADMIN`. */
  async revoke(id: string, deadline: Deadline): Promise<void> {
    // The log decides which of two admins that revoke each other stays, so what was named may be gone.
    for (const gone = new Set<string>(); ; ) {
      await this.#fresh(deadline.leftMs());
      const tokens = this.#directory.tokens();
      const found = tokens.find(({ hash }) => hash.startsWith(id));
      if (found === undefined) {
        throw new ClusterError({ code: "TOKEN_UNKNOWN" }, `there is no token ${id}`);
      }
      const { hash } = found;
      if (!administers(found.row)) {
        await this.#writer.system({ kind: "revoke-token", hash }, deadline);
        return;
      }
      const other = tokens.find(
        (token) => token.hash !== hash && administers(token.row) && !gone.has(token.hash),
      );
      if (other === undefined) throw lastAdmin();
      const command = { kind: "revoke-token-keeping", hash, keeps: other.hash } as const;
      const revoke = () => this.#writer.system(command, deadline);
      if (await unlessRefused("TOKEN_KEPT_GONE", revoke)) return;
      gone.add(other.hash);
    }
  }
}

function lastAdmin(): ClusterError {
  return new ClusterError(
    { code: "TOKEN_LAST_ADMIN" },
    "it is the last token that may administer the cluster; make another one first",
  );
}

function viewOf(hash: string, { name, role, workflows, createdMs }: TokenRow): TokenView {
  const id = hash.slice(0, ID_LENGTH);
  return { id, name, role, workflows: workflows ?? null, createdAt: isoTime(createdMs) };
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
