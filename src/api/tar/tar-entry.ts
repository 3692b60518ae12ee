/** What an archive has in it. */

interface EntryBase {
  /** Relative, normalised, without `.` and `..`; empty for the folder that the archive is of. */
  readonly path: string;
}

interface Attributes {
  /** The lower 12 bits of a POSIX mode. */
  readonly mode: number;
  /** Microseconds since 1970; undefined where the archive names a time that has no such number. */
  readonly mtimeMicros: number | undefined;
}

/** A member without its content. */
export type TarHead =
  | ({ readonly kind: "file"; readonly bytes: number } & EntryBase & Attributes)
  | ({ readonly kind: "directory" } & EntryBase & Attributes)
  | ({ readonly kind: "symlink"; readonly target: string } & EntryBase & Attributes)
  /** Another name of a member that came before; `target` is a path as `path` is. */
  | ({ readonly kind: "link"; readonly target: string } & EntryBase);

/** A member; the content of a file is read before the next member is asked for, or passed over. */
export type TarEntry =
  | Exclude<TarHead, { readonly kind: "file" }>
  | (Extract<TarHead, { readonly kind: "file" }> & { readonly content: TarContent });

/** The content of one file, which may be read once: by `now`, and where that has nothing piece by piece. */
export interface TarContent extends AsyncIterable<Uint8Array> {
  /** All of it, where it has come already; what came in the same piece stays in memory for as long. */
  readonly now: () => Uint8Array | undefined;
}
