/** Lists that nodes tell in pages. */

/** A page, and after or before what the next one is; null when there is none. */
export interface Page<One> {
  readonly found: readonly One[];
  readonly next: string | null;
}

/**
 * A page of a node ends early where few of those that it has looked at fit: this goes on until there are
 * `limit` of them, or all was seen. `from` is where it begins; undefined is the beginning.
 */
export async function fullPage<One>(
  wanted: { readonly limit: number; readonly from: string | undefined },
  ask: (page: { readonly limit: number; readonly from: string | undefined }) => Promise<Page<One>>,
): Promise<Page<One>> {
  const found: One[] = [];
  for (let { from } = wanted; ; ) {
    const page = await ask({ limit: wanted.limit - found.length, from });
    found.push(...page.found);
    if (page.next === null || found.length >= wanted.limit) return { found, next: page.next };
    from = page.next;
  }
}

/** The line after a list of which there is more. */
export function moreText(option: "after" | "before", next: string | null): string {
  return next === null ? "" : `(more: --${option} ${next})\n`;
}
