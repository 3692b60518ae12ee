/** What travels of requests over lists of objects: how objects are taken, and how far a list is. */
import {
  CURSOR_LENGTH_MAX,
  FETCH_AHEAD_MAX,
  type Listing,
  type ObjectInput,
} from "../scheduler/objects.ts";
import { bool, type Codec, enumeration, int, text } from "./codec.ts";
import { struct } from "./codec-shapes.ts";

export type { ObjectCompression, ObjectForm, ObjectInput } from "../scheduler/objects.ts";
export { FETCH_AHEAD_MAX } from "../scheduler/objects.ts";

/** How the objects of a request reach its mapper. */
export const objectInputCodec: Codec<ObjectInput> = struct<ObjectInput>({
  form: enumeration<ObjectInput["form"]>({
    path: 1,
    lines: 2,
    ndjson: 3,
    bytes: 4,
    csv: 5,
    keyed: 6,
  }),
  compression: enumeration<ObjectInput["compression"]>({
    auto: 1,
    none: 2,
    gz: 3,
    xz: 4,
    zst: 5,
    bz2: 6,
  }),
  ahead: int(1, FETCH_AHEAD_MAX),
  unavailable: enumeration<ObjectInput["unavailable"]>({ fail: 1, skip: 2 }),
});

/** The place at which a list goes on. */
export const cursorCodec: Codec<string> = text(CURSOR_LENGTH_MAX);

/** How far a list is. */
export const listingCodec: Codec<Listing> = struct<Listing>({ cursor: cursorCodec, closed: bool });
