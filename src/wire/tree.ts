/** Rows and commands of the tree of files. */
import {
  type CodedCommand,
  type Expectation,
  type FileCommit,
  FS_EXPIRE_MAX,
  FS_FILES_MAX,
  FS_LAPSE_MAX,
  FS_MOVES_MAX,
  FS_PREPARED_MAX,
  FS_RESERVE_MAX,
  FS_STRIPES_MAX,
  FS_SWEEP_NAMES_MAX,
  type Move,
  type MoveOver,
  type Place,
  SNAPSHOT_NAME_LENGTH_MAX,
  type StoredFor,
  type TreeCommand,
} from "../scheduler/tree/commands.ts";
import { PATH_BYTES_MAX, SYMLINK_BYTES_MAX } from "../scheduler/tree/names.ts";
import {
  ATTRIBUTES_BYTES_MAX,
  ATTRIBUTES_MAX,
  type Chunking,
  COPIES_MAX,
  type EntryRow,
  ERASURE_DATA_MAX,
  ERASURE_PARITY_MAX,
  type Erasure,
  FILE_BLOCK_BYTES_MAX,
  type FileAttribute,
  type FileBlock,
  type FileContent,
  HISTORY_VERSIONS_MAX,
  INODE_BLOCKS_MAX,
  type KeptVersion,
  LINKS_MAX,
  PART_BLOCKS_MAX,
  PARTS_MAX,
  PIN_CONTENTS_MAX,
  PIN_HOLDER_LENGTH_MAX,
  type PreparedMove,
  type PreparedPublish,
  type Sealing,
  type SnapshotCounts,
  type Stripe,
  type StripeBlock,
  type TreeRow,
  UPLOAD_ID_LENGTH_MAX,
  VERSIONS_MAX,
  type VolumeOptions,
} from "../scheduler/tree/rows.ts";
import type { Token } from "../scheduler/unit.ts";
import { ROW_KEY_LENGTH_MAX } from "./bounds.ts";
import {
  bool,
  bytes,
  type Codec,
  enumeration,
  int,
  natural,
  pattern,
  positive,
  text,
} from "./codec.ts";
import { array, optional, struct, trailing, union, type Variants } from "./codec-shapes.ts";
import { sha256Codec } from "./dataset-codec.ts";

/** Without a slash, which would end it in keys of rows. */
const upload = pattern(/^[A-Za-z0-9_.-]+$/u, UPLOAD_ID_LENGTH_MAX);
const holder = text(PIN_HOLDER_LENGTH_MAX);

/** Times before 1970 are rare and valid. */
const micros = int(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
const mode = int(0, 0o7777);

/** Whether it is one of valid names is for applying to say, with a code. */
const path = text(PATH_BYTES_MAX);

/** Characters of the name of an entry or attribute in commands: what is too long is refused with a code. */
const name = text(PATH_BYTES_MAX);

/** A CID in text: letters and digits of base32 or base36. */
const root = pattern(/^[a-z0-9]+$/u, 128);

/** What it has to look like is for applying to say. */
const snapshotName = text(SNAPSHOT_NAME_LENGTH_MAX);

const snapshotCounts = struct<SnapshotCounts>({
  files: natural,
  directories: natural,
  links: natural,
  bytes: natural,
});

const block = struct<FileBlock>({
  cid: sha256Codec,
  bytes: int(1, FILE_BLOCK_BYTES_MAX),
  plain: trailing(sha256Codec),
});

const content: Codec<FileContent> = union<FileContent>({
  inline: [1, { blocks: array(block, INODE_BLOCKS_MAX) }],
  listed: [2, { content: positive }],
});

const volumeOptions = {
  copies: int(1, COPIES_MAX),
  chunking: enumeration<Chunking>({ fixed: 1, "content-defined": 2 }),
  quotaBytes: optional(natural),
  quotaInodes: optional(natural),
} as const;

const sealing = trailing(enumeration<Sealing>({ "aes-256-gcm-1": 1 }));

/** What it has to be within that is for applying to say where it is set. */
const erasure = trailing(
  struct<Erasure>({ data: int(1, ERASURE_DATA_MAX), parity: int(1, ERASURE_PARITY_MAX) }),
);

const storedFor = trailing(
  struct<StoredFor>({ copies: volumeOptions.copies, chunking: volumeOptions.chunking, erasure }),
);

/** A sealed block is a little longer than its content. */
const STRIPE_BLOCK_BYTES_MAX = FILE_BLOCK_BYTES_MAX + 64;

/** Fields of a stripe. */
export const stripeFields = {
  data: array(
    struct<StripeBlock>({ cid: sha256Codec, bytes: int(1, STRIPE_BLOCK_BYTES_MAX) }),
    ERASURE_DATA_MAX,
  ),
  parity: array(sha256Codec, ERASURE_PARITY_MAX),
} as const;

const inodeBase = {
  mode,
  mtimeMicros: micros,
  changedMs: natural,
  revision: natural,
  attributes: array(
    struct<FileAttribute>({ name, value: bytes(ATTRIBUTES_BYTES_MAX) }),
    ATTRIBUTES_MAX,
  ),
} as const;

/** What the end of an attempt does. */
const prepared = {
  removes: array(path, FS_PREPARED_MAX),
  moves: array(struct<PreparedMove>({ path, whole: bool }), FS_PREPARED_MAX),
  publishes: array(struct<PreparedPublish>({ from: path, to: path }), FS_PREPARED_MAX),
} as const;

/** Rows of the tree; they are part of the format `row`. */
export const treeRowVariants: Variants<TreeRow> = {
  "fs-volume": [
    40,
    {
      ...volumeOptions,
      revision: natural,
      usedBytes: natural,
      usedInodes: natural,
      pins: natural,
      nextInode: positive,
      nextContent: positive,
      sealing,
      erasure,
    },
  ],
  "fs-file": [
    41,
    {
      ...inodeBase,
      links: int(1, LINKS_MAX),
      bytes: natural,
      root: optional(root),
      content,
    },
  ],
  "fs-directory": [42, { ...inodeBase, parent: natural, entries: natural, directories: natural }],
  "fs-symlink": [43, { ...inodeBase, links: int(1, LINKS_MAX), target: text(SYMLINK_BYTES_MAX) }],
  "fs-entry": [
    44,
    {
      inode: positive,
      type: enumeration<EntryRow["type"]>({ file: 1, directory: 2, symlink: 3 }),
    },
  ],
  "fs-block": [
    45,
    {
      bytes: int(1, STRIPE_BLOCK_BYTES_MAX),
      references: natural,
      stripe: trailing(positive),
    },
  ],
  "fs-stripe": [74, { ...stripeFields, named: positive }],
  "fs-content": [
    46,
    {
      bytes: natural,
      parts: int(0, PARTS_MAX),
      blocks: natural,
      links: natural,
      upload: optional(upload),
    },
  ],
  "fs-part": [47, { startBytes: natural, blocks: array(block, PART_BLOCKS_MAX) }],
  "fs-pin": [48, { holder, expiresMs: natural, contents: array(positive, PIN_CONTENTS_MAX) }],
  "fs-index": [49, {}],
  "fs-prepared": [70, prepared],
  "fs-retention": [65, { versions: int(0, VERSIONS_MAX), versionsMs: natural }],
  "fs-history": [
    66,
    {
      versions: array(
        struct<KeptVersion>({ inode: positive, keptMs: natural }),
        HISTORY_VERSIONS_MAX,
      ),
    },
  ],
  "fs-snapshot": [
    64,
    {
      path,
      directory: positive,
      upload: optional(upload),
      takenMs: natural,
      root: optional(root),
      counts: snapshotCounts,
    },
  ],
};

const place = struct<Place>({ from: positive, path });

const expect: Codec<Expectation> = union<Expectation>({
  any: [1, {}],
  absent: [2, {}],
  revision: [3, { revision: natural }],
});

const file = struct<FileCommit>({
  place,
  expect,
  mode: optional(mode),
  mtimeMicros: optional(micros),
  root: optional(root),
  content,
  keep: optional(place),
});

/** Commands that name blocks. */
const naming: Variants<CodedCommand> = {
  "fs-stage": [
    43,
    { upload, content: natural, part: natural, blocks: array(block, PART_BLOCKS_MAX) },
  ],
  "fs-commit": [
    44,
    { upload: optional(upload), files: array(file, FS_FILES_MAX), parents: bool, storedFor },
  ],
  "fs-create": [
    58,
    {
      upload: optional(upload),
      inode: positive,
      place,
      exclusive: bool,
      mode,
      mtimeMicros: optional(micros),
      root: optional(root),
      content,
      storedFor,
    },
  ],
};

/** Commands of the tree; they are part of the format `payload`. */
export const treeCommandVariants: Variants<TreeCommand> = {
  "fs-volume": [
    40,
    { revision: natural, options: struct<VolumeOptions>({ ...volumeOptions, sealing, erasure }) },
  ],
  "fs-pin": [
    41,
    {
      how: enumeration<"begin" | "renew">({ begin: 1, renew: 2 }),
      upload,
      holder,
      lastsMs: natural,
    },
  ],
  "fs-release": [42, { upload }],
  ...naming,
  "fs-mkdir": [45, { place, mode, parents: bool }],
  "fs-symlink": [46, { place, target: text(SYMLINK_BYTES_MAX) }],
  "fs-link": [47, { from: place, to: place }],
  "fs-unlink": [48, { places: array(place, FS_FILES_MAX) }],
  "fs-rmdir": [49, { place }],
  "fs-remove": [50, { place }],
  "fs-rename": [
    51,
    {
      moves: array(struct<Move>({ from: place, to: place, keep: optional(place) }), FS_MOVES_MAX),
      over: enumeration<MoveOver>({ posix: 1, exclusive: 2, tree: 3 }),
      parents: bool,
    },
  ],
  "fs-attributes": [52, { place, expect, mode: optional(mode), mtimeMicros: optional(micros) }],
  "fs-attribute": [
    53,
    {
      place,
      name,
      value: optional(bytes(ATTRIBUTES_BYTES_MAX)),
      over: enumeration<"any" | "absent" | "present">({ any: 1, absent: 2, present: 3 }),
    },
  ],
  "fs-lapse": [54, { keys: array(text(ROW_KEY_LENGTH_MAX), FS_LAPSE_MAX) }],
  "fs-sweep": [55, { directory: positive, names: array(name, FS_SWEEP_NAMES_MAX) }],
  "fs-sweep-content": [56, { content: positive }],
  "fs-reserve": [57, { count: int(1, FS_RESERVE_MAX) }],
  "fs-coded": [
    77,
    {
      command: union<CodedCommand>(naming),
      stripes: array(struct<Stripe>(stripeFields), FS_STRIPES_MAX),
    },
  ],
  "fs-prepare": [70, { token: struct<Token>({ index: natural, ordinal: natural }), ...prepared }],
  "fs-retention": [67, { versions: int(0, VERSIONS_MAX), versionsMs: natural }],
  "fs-expire": [68, { keys: array(text(ROW_KEY_LENGTH_MAX), FS_EXPIRE_MAX) }],
  "fs-snapshot": [64, { upload, name: snapshotName, path }],
  "fs-snapshot-end": [65, { upload, name: snapshotName, root, counts: snapshotCounts }],
  "fs-snapshot-remove": [66, { name: snapshotName, upload: optional(upload) }],
};
