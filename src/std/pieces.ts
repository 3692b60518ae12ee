/** Many small parts on their way as few pieces. */
import { concatBytes } from "./bytes.ts";

/** Parts that wait to be one piece. Use: `add`, and `take` when it is full or nothing more comes. */
export class Pieces {
  readonly #pieceBytes: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** How many bytes wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether enough waits for a piece. */
  get isFull(): boolean {
    return this.#bytes >= this.#pieceBytes;
  }

  add(part: Uint8Array): void {
    this.#parts.push(part);
    this.#bytes += part.length;
  }

  /** What waits, with a buffer of its own. */
  take(): Uint8Array {
    const whole = concatBytes(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    return whole;
  }
}

/** The same bytes: parts below `smallBytes` are joined into pieces of about `pieceBytes`, others pass as they are. */
export async function* joinedSmall(
  parts: AsyncIterable<Uint8Array>,
  { smallBytes, pieceBytes }: { readonly smallBytes: number; readonly pieceBytes: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const pieces = new Pieces(pieceBytes);
  for await (const part of parts) {
    const isSmall = part.length < smallBytes;
    if (isSmall) pieces.add(part);
    if (pieces.isFull || (!isSmall && pieces.bytes > 0)) yield pieces.take();
    if (!isSmall) yield part;
  }
  if (pieces.bytes > 0) yield pieces.take();
}
