/** Any value of the rows and commands of the tree. */
import fc from "fast-check";
import type {
  CodedCommand,
  Expectation,
  FileCommit,
  MoveOver,
  Place,
  TreeCommand,
} from "../../src/scheduler/tree/commands.ts";
import type {
  Chunking,
  FileAttribute,
  FileBlock,
  FileContent,
  InodeType,
  SnapshotCounts,
  TreeRow,
} from "../../src/scheduler/tree/rows.ts";
import { type Kinds, ofKinds } from "./wire-values.ts";

const one = fc.constant;
const natural = fc.oneof(fc.nat(300), fc.maxSafeNat());
const positive = fc.integer({ min: 1, max: 9999 });
const upload = fc.stringMatching(/^[A-Za-z0-9_.-]{1,8}$/u);
const words = fc.stringMatching(/^[a-z/]{0,8}$/u);
const root = fc.stringMatching(/^[a-z0-9]{1,8}$/u);
const mode = fc.integer({ min: 0, max: 0o7777 });
const micros = fc.maxSafeInteger().map((value) => (value === 0 ? 0 : value));
const data = fc.uint8Array({ maxLength: 12 });
const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> =>
  fc.array(item, { maxLength: 3 });
const maybe = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(item, { nil: undefined });

const blockBytes = fc.integer({ min: 1, max: 4 * 1024 * 1024 });
const cid = fc.stringMatching(/^[0-9a-f]{64}$/u);
const block: fc.Arbitrary<FileBlock> = fc.record({ cid, bytes: blockBytes, plain: maybe(cid) });
const contents: Kinds<FileContent> = {
  inline: fc.record({ kind: one("inline"), blocks: list(block) }),
  listed: fc.record({ kind: one("listed"), content: positive }),
};
const content = ofKinds<FileContent>(contents);
const volume = {
  copies: fc.integer({ min: 1, max: 16 }),
  chunking: fc.constantFrom<Chunking[]>("fixed", "content-defined"),
  quotaBytes: maybe(natural),
  quotaInodes: maybe(natural),
  sealing: maybe(one("aes-256-gcm-1" as const)),
  erasure: maybe(
    fc.record({
      data: fc.integer({ min: 1, max: 16 }),
      parity: fc.integer({ min: 1, max: 8 }),
    }),
  ),
};
const storedFor = maybe(
  fc.record({ copies: volume.copies, chunking: volume.chunking, erasure: volume.erasure }),
);
const stripe = {
  data: list(fc.record({ cid, bytes: blockBytes })),
  parity: list(cid),
};
const retention = { versions: fc.integer({ min: 0, max: 100 }), versionsMs: natural };
const counts: fc.Arbitrary<SnapshotCounts> = fc.record({
  files: natural,
  directories: natural,
  links: natural,
  bytes: natural,
});
const attribute: fc.Arbitrary<FileAttribute> = fc.record({ name: words, value: data });
const inode = {
  mode,
  mtimeMicros: micros,
  changedMs: natural,
  revision: natural,
  attributes: list(attribute),
};

const prepared = {
  removes: list(words),
  moves: list(fc.record({ path: words, whole: fc.boolean() })),
  publishes: list(fc.record({ from: words, to: words })),
};

/** Rows of the tree. */
export const treeRowKinds: Kinds<TreeRow> = {
  "fs-volume": fc.record({
    kind: one("fs-volume"),
    ...volume,
    revision: natural,
    usedBytes: natural,
    usedInodes: natural,
    pins: natural,
    nextInode: positive,
    nextContent: positive,
  }),
  "fs-file": fc.record({
    kind: one("fs-file"),
    ...inode,
    links: positive,
    bytes: natural,
    root: maybe(root),
    content,
  }),
  "fs-directory": fc.record({
    kind: one("fs-directory"),
    ...inode,
    parent: natural,
    entries: natural,
    directories: natural,
  }),
  "fs-symlink": fc.record({ kind: one("fs-symlink"), ...inode, links: positive, target: words }),
  "fs-entry": fc.record({
    kind: one("fs-entry"),
    inode: positive,
    type: fc.constantFrom<InodeType[]>("file", "directory", "symlink"),
  }),
  "fs-block": fc.record({
    ...{ kind: one("fs-block"), bytes: blockBytes, references: natural },
    stripe: maybe(positive),
  }),
  "fs-stripe": fc.record({ kind: one("fs-stripe"), ...stripe, named: positive }),
  "fs-content": fc.record({
    kind: one("fs-content"),
    bytes: natural,
    parts: positive,
    blocks: natural,
    links: natural,
    upload: maybe(upload),
  }),
  "fs-part": fc.record({ kind: one("fs-part"), startBytes: natural, blocks: list(block) }),
  "fs-pin": fc.record({
    kind: one("fs-pin"),
    holder: words,
    expiresMs: natural,
    contents: list(positive),
  }),
  "fs-index": fc.record({ kind: one("fs-index") }),
  "fs-prepared": fc.record({ kind: one("fs-prepared"), ...prepared }),
  "fs-retention": fc.record({ kind: one("fs-retention"), ...retention }),
  "fs-history": fc.record({
    kind: one("fs-history"),
    versions: list(fc.record({ inode: positive, keptMs: natural })),
  }),
  "fs-snapshot": fc.record({
    ...{ kind: one("fs-snapshot"), path: words, directory: positive, upload: maybe(upload) },
    ...{ takenMs: natural, root: maybe(root), counts },
  }),
};

const place: fc.Arbitrary<Place> = fc.record({ from: positive, path: words });
const expectations: Kinds<Expectation> = {
  any: fc.record({ kind: one("any") }),
  absent: fc.record({ kind: one("absent") }),
  revision: fc.record({ kind: one("revision"), revision: natural }),
};
const expectation = ofKinds<Expectation>(expectations);
const file: fc.Arbitrary<FileCommit> = fc.record({
  place,
  expect: expectation,
  mode: maybe(mode),
  mtimeMicros: maybe(micros),
  root: maybe(root),
  content,
  keep: maybe(place),
});

const naming: Kinds<CodedCommand> = {
  "fs-stage": fc.record({
    kind: one("fs-stage"),
    upload,
    content: natural,
    part: natural,
    blocks: list(block),
  }),
  "fs-commit": fc.record({
    kind: one("fs-commit"),
    upload: maybe(upload),
    files: list(file),
    parents: fc.boolean(),
    storedFor,
  }),
  "fs-create": fc.record({
    ...{ kind: one("fs-create"), upload: maybe(upload), inode: positive, place },
    ...{
      exclusive: fc.boolean(),
      mode,
      mtimeMicros: maybe(micros),
      root: maybe(root),
      content,
      storedFor,
    },
  }),
};

/** Commands of the tree. */
export const treeCommandKinds: Kinds<TreeCommand> = {
  ...naming,
  "fs-coded": fc.record({
    kind: one("fs-coded"),
    command: ofKinds<CodedCommand>(naming),
    stripes: list(fc.record(stripe)),
  }),
  "fs-volume": fc.record({
    kind: one("fs-volume"),
    revision: natural,
    options: fc.record(volume),
  }),
  "fs-pin": fc.record({
    kind: one("fs-pin"),
    how: fc.constantFrom("begin", "renew"),
    upload,
    holder: words,
    lastsMs: natural,
  }),
  "fs-release": fc.record({ kind: one("fs-release"), upload }),
  "fs-mkdir": fc.record({ kind: one("fs-mkdir"), place, mode, parents: fc.boolean() }),
  "fs-symlink": fc.record({ kind: one("fs-symlink"), place, target: words }),
  "fs-link": fc.record({ kind: one("fs-link"), from: place, to: place }),
  "fs-unlink": fc.record({ kind: one("fs-unlink"), places: list(place) }),
  "fs-rmdir": fc.record({ kind: one("fs-rmdir"), place }),
  "fs-remove": fc.record({ kind: one("fs-remove"), place }),
  "fs-rename": fc.record({
    kind: one("fs-rename"),
    moves: list(fc.record({ from: place, to: place, keep: maybe(place) })),
    over: fc.constantFrom<MoveOver[]>("posix", "exclusive", "tree"),
    parents: fc.boolean(),
  }),
  "fs-attributes": fc.record({
    kind: one("fs-attributes"),
    place,
    expect: expectation,
    mode: maybe(mode),
    mtimeMicros: maybe(micros),
  }),
  "fs-attribute": fc.record({
    kind: one("fs-attribute"),
    place,
    name: words,
    value: maybe(data),
    over: fc.constantFrom("any", "absent", "present"),
  }),
  "fs-retention": fc.record({ kind: one("fs-retention"), ...retention }),
  "fs-expire": fc.record({ kind: one("fs-expire"), keys: list(words) }),
  "fs-snapshot": fc.record({ kind: one("fs-snapshot"), upload, name: words, path: words }),
  "fs-snapshot-end": fc.record({
    ...{ kind: one("fs-snapshot-end"), upload, name: words, root, counts },
  }),
  "fs-snapshot-remove": fc.record({
    ...{ kind: one("fs-snapshot-remove"), name: words, upload: maybe(upload) },
  }),
  "fs-lapse": fc.record({ kind: one("fs-lapse"), keys: list(words) }),
  "fs-sweep": fc.record({ kind: one("fs-sweep"), directory: positive, names: list(words) }),
  "fs-sweep-content": fc.record({ kind: one("fs-sweep-content"), content: positive }),
  "fs-reserve": fc.record({ kind: one("fs-reserve"), count: fc.integer({ min: 1, max: 1024 }) }),
  "fs-prepare": fc.record({
    kind: one("fs-prepare"),
    token: fc.record({ index: natural, ordinal: natural }),
    ...prepared,
  }),
};
