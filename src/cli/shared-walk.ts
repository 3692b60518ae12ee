/** Walks a folder of a volume page by page. */
import type { FileClient } from "../api/file-client.ts";
import type { FileList } from "../api/file-port.ts";
import type { ReadablePath } from "./shared-path.ts";

/** Names read at a time: one such page is in memory for each folder on the way down. */
const PAGE_NAMES = 200;

/** What a walk comes by; a folder is left when all below it was told. */
export interface Walked {
  readonly kind: "entry" | "left";
  readonly path: string;
  readonly depth: number;
  readonly entry: FileList["entries"][number];
}

/** All below a folder, in the order of names. */
export async function* walkShared(
  files: Pick<FileClient, "list">,
  at: ReadablePath,
  depth = 0,
): AsyncGenerator<Walked, void, undefined> {
  let after: string | undefined;
  do {
    const page = await files.list({ ...at, limit: PAGE_NAMES, after });
    for (const entry of page.entries) {
      const path = `${at.path.replace(/\/$/u, "")}/${entry.name}`;
      yield { kind: "entry", path, depth, entry };
      if (entry.type !== "directory") continue;
      yield* walkShared(files, { ...at, path }, depth + 1);
      yield { kind: "left", path, depth, entry };
    }
    after = page.next ?? undefined;
  } while (after !== undefined);
}
