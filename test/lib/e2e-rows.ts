/** Looks into the database of a node that does not run: what is really on its disk. */
import { join } from "node:path";
import { ClassicLevel } from "classic-level";

/** How many rows each kind has under a request's number in a group, by the first letter of its key. */
export async function rowsOfKinds(
  home: string,
  group: number,
): Promise<Readonly<Record<string, number>>> {
  const database = new ClassicLevel<string, Uint8Array>(join(home, "data/state"), {
    createIfMissing: false,
    keyEncoding: "utf8",
    valueEncoding: "view",
  });
  const counts: Record<string, number> = {};
  try {
    for await (const key of database.keys({ gte: `d/${group}/`, lt: `d/${group}0` })) {
      // d/GROUP/GENERATION/KEY
      const [kind = ""] = key.split("/").slice(3);
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
  } finally {
    await database.close();
  }
  return counts;
}
