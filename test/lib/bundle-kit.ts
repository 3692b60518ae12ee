/** Bundles for tests, from the texts of their files. */
import { gzipSync } from "node:zlib";
import { BUNDLE_MARK, encodeBundle } from "../../src/workflow/bundle.ts";

/** A file's content; one that begins with `#!` or is of bytes is executable. */
export type BundleContents = Readonly<Record<string, string | Uint8Array>>;

/** The source of a bundle with these files. */
export function bundleOf(contents: BundleContents): string {
  const files = Object.entries(contents).map(([path, content]) => ({
    path,
    isExecutable: typeof content !== "string" || content.startsWith("#!"),
    bytes: typeof content === "string" ? Buffer.from(content) : content,
  }));
  return BUNDLE_MARK + gzipSync(encodeBundle(files)).toString("base64");
}
