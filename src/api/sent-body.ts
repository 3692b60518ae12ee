/**
 * Bytes as the body of a call. By itself and not by `Readable.toWeb`: where such a stream is given up while bytes are on
 * their way to it, as when a node refuses an upload, the process ends by an error that nobody can catch
 * (nodejs/node#64529).
 */
export function sentBody(bytes: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  return ReadableStream.from(bytes);
}
