/** Text out of the middle of a message, for the readers of every kind of message. */

/** Shorter text is made from char codes; the decoder costs about as much as 24 of those steps. */
const SHORT_TEXT_BYTES = 24;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text that `bytes` are from `from` up to `to`. @throws {TypeError} when that is not UTF-8. */
export function textOfBytes(bytes: Uint8Array, from: number, to: number): string {
  if (to - from <= SHORT_TEXT_BYTES) {
    let text = "";
    let at = from;
    for (; at < to; at++) {
      const code = bytes[at] ?? 0;
      if (code >= 0x80) break;
      text += String.fromCharCode(code);
    }
    if (at === to) return text;
  }
  return utf8.decode(bytes.subarray(from, to));
}
