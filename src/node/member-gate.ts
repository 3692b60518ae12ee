/**
 * Whom the mesh lets in, as the directory says. A node that was just removed is kept connected for a
 * moment, so that it still hears of it; from then on it is refused before any stream.
 */
import type { Mesh } from "../mesh/mesh.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import type { Timers } from "../std/clock.ts";

/** Long beside a heartbeat, which brings the news; it can do nothing in it but listen. */
const FAREWELL_MS = 3_000;

export class MemberGate {
  readonly #mesh: Pick<Mesh, "self" | "setMembers">;
  readonly #timers: Timers;
  readonly #leaving = new Set<string>();
  #rows: readonly MemberRow[] = [];
  /** Removed before this process knew them: they get no farewell. */
  #known: ReadonlySet<string> = new Set();

  constructor(mesh: Pick<Mesh, "self" | "setMembers">, timers: Timers) {
    this.#mesh = mesh;
    this.#timers = timers;
  }

  /** Takes the rows of all nodes there ever were. */
  follow(rows: readonly MemberRow[]): void {
    for (const { node, state } of rows) {
      if (state !== "removed" || !this.#known.has(node) || this.#leaving.has(node)) continue;
      this.#leaving.add(node);
      this.#timers.after(FAREWELL_MS, () => {
        this.#leaving.delete(node);
        this.#apply();
      });
    }
    this.#rows = rows;
    this.#known = new Set(rows.filter(({ state }) => state !== "removed").map(({ node }) => node));
    this.#apply();
  }

  #apply(): void {
    const stays = ({ node, state }: MemberRow): boolean =>
      state !== "removed" || this.#leaving.has(node);
    const members = this.#rows.filter((row) => row.node !== this.#mesh.self && stays(row));
    const revoked = this.#rows.filter((row) => !stays(row)).map(({ node }) => node);
    this.#mesh.setMembers(members, revoked);
  }
}
