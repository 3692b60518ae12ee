/** Content that is being written, on the local disk, until a volume has taken it over. */

/** Bytes of a piece; only the last one of a file is shorter. */
export const PIECE_BYTES = 1 << 20;

/** Where it is on the disk, or where some of it is: a file that has all, or one for each piece. */
export type StagedContent =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "pieces"; readonly paths: readonly string[] };

export interface Staging {
  /** Whether each piece is a file of its own. */
  readonly inPieces: boolean;
  readonly bytes: number;
  /** Writes all of `data`; what lies between is zero. @throws {Error} of the disk, such as ENOSPC. */
  write(data: Uint8Array, at: number): void;
  read(range: { readonly at: number; readonly length: number }): Uint8Array;
  truncate(bytes: number): void;
  /**
   * Whole pieces from `at`, to be taken while others are written: as files of their own, which stay as they are from
   * now on, or as a file that has them at their place. @throws {Error} of the disk.
   */
  give(at: number, length: number): StagedContent;
  /** All of it, while nothing is written. @throws {Error} of the disk. */
  whole(): StagedContent;
  /** Nothing is being taken. */
  settled(): void;
  /** Somebody else has the file now, under whatever name. */
  letGo(): void;
  remove(): void;
}
