/** Whether a bundle may become a handler: its `handler.yaml` is right, and its main file is what it says. */
import { isUtf8 } from "node:buffer";
import {
  BUNDLE_FILE,
  type HandlerMetadata,
  languageOfFile,
  type ParsedText,
  readBundleMetadata,
} from "../wire/handler-metadata.ts";
import { unpackBundle } from "./bundle-source.ts";

type Language = Exclude<ReturnType<typeof languageOfFile>, "container" | undefined>;

/** A bundle's main file, still to be compiled, and what the bundle says about itself. */
export interface ReadBundle {
  readonly kind: "read";
  readonly metadata: HandlerMetadata;
  readonly language: Language;
  /** Undefined for a binary, of which nothing can be said without running it. */
  readonly main: { readonly file: string; readonly source: string } | undefined;
}

/** What is wrong with one. `line` is of the file. */
export interface RefusedBundle {
  readonly kind: "refused";
  readonly code: "HANDLER_METADATA_INVALID" | "HANDLER_SOURCE_INVALID";
  readonly file: string;
  readonly reason: string;
}

/** The first bytes of a program as Linux starts it. */
const ELF = Buffer.from("\x7fELF", "latin1");

/**
 * Reads a bundle; `file` is the path of its `handler.yaml`, for messages.
 * @throws {JobxError} `HANDLER_METADATA_INVALID` with file, line and reason.
 */
export async function readBundle(
  bundle: { readonly file: string; readonly source: string },
  parseYaml: (text: string) => ParsedText,
): Promise<ReadBundle | RefusedBundle> {
  const { file } = bundle;
  const refuse = (code: RefusedBundle["code"], reason: string, at = file): RefusedBundle => ({
    kind: "refused",
    ...{ code, file: at, reason },
  });
  const unpacked = await unpackBundle(bundle.source);
  if (unpacked.kind === "malformed") {
    return refuse("HANDLER_SOURCE_INVALID", `the bundle is malformed: ${unpacked.reason}`);
  }
  const files = new Map(unpacked.files.map((one) => [one.path, one]));
  const head = files.get(BUNDLE_FILE)?.bytes;
  if (head === undefined || !isUtf8(head)) {
    return refuse("HANDLER_METADATA_INVALID", `the bundle has no ${BUNDLE_FILE} in UTF-8`);
  }
  const text = Buffer.from(head).toString("utf8");
  const metadata = readBundleMetadata(text, { file, languageOf, parseYaml });
  const path = metadata.runtime?.main ?? "";
  const main = files.get(path)?.bytes;
  const language = languageOf(path);
  if (main === undefined) {
    return refuse("HANDLER_METADATA_INVALID", `main is ${path}, which is not in the bundle`);
  }
  const at = `${file.slice(0, -BUNDLE_FILE.length)}${path}`;
  const isBinary = ELF.equals(main.subarray(0, ELF.length));
  if (language === "executable" && isBinary) {
    return { kind: "read", metadata, language, main: undefined };
  }
  if (!isUtf8(main)) return refuse("HANDLER_SOURCE_INVALID", "the file is not UTF-8", at);
  const source = Buffer.from(main).toString("utf8");
  if (language === "executable" && !source.startsWith("#!")) {
    const reason = "the file is no program: its first line names no interpreter, as in #!/bin/sh";
    return refuse("HANDLER_SOURCE_INVALID", reason, at);
  }
  return { kind: "read", metadata, language, main: { file: at, source } };
}

/** What no language has is started as a program. */
function languageOf(main: string): Language {
  if (/\.c[jt]s$/u.test(main)) return "javascript";
  const language = languageOfFile(main);
  return language === undefined || language === "container" ? "executable" : language;
}
