/** Commands under way at once, for which the log has room. */
const COMMANDS_SIDE_BY_SIDE = 64;

/** Does something for each item, some at a time; one that fails ends it after those beside it. */
export async function sideBySide<Item>(
  items: readonly Item[],
  run: (item: Item) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < items.length; at += COMMANDS_SIDE_BY_SIDE) {
    await Promise.all(items.slice(at, at + COMMANDS_SIDE_BY_SIDE).map(run));
  }
}
