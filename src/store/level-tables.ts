/**
 * Checks LevelDB's table files before LevelDB reads them. It was measured that a flipped bit in a
 * block makes LevelDB, which does not verify blocks when it reads them, abort the whole process or
 * miss a key in a damaged filter. A checked file is damage with a name instead.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { damagedError } from "./errors.ts";
import { fileError } from "./level-errors.ts";
import { liveTables } from "./level-manifest.ts";
import { tableDamage } from "./level-table.ts";

/**
 * Reads every table that belongs to a database, which nobody has open; about 3 seconds per gigabyte.
 * @throws `STORE_DAMAGED` with the first file that is not what was written; `STORE_IO`.
 */
export async function checkTables(place: string): Promise<void> {
  const live = await liveTables(place);
  for (const name of await namesOf(place)) {
    if (!name.endsWith(".ldb") && !name.endsWith(".sst")) continue;
    if (live?.has(Number.parseInt(name, 10)) === false) continue;
    const bytes = await readFile(join(place, name)).catch((error: unknown) => {
      throw fileError(name, error);
    });
    const reason = tableDamage(bytes);
    if (reason !== undefined) throw damagedError(`the table ${name}`, reason);
  }
}

async function namesOf(place: string): Promise<readonly string[]> {
  try {
    return (await readdir(place)).sort();
  } catch (error) {
    throw fileError(place, error);
  }
}
