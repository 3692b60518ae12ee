/** Texts that must not be seen: from a file or the standard input, never an argument, which others could read. */
import type { CommandRun } from "./command.ts";
import { cliError } from "./errors.ts";
import { localFile } from "./local-files.ts";

/**
 * The text of `--from-file`, or of the standard input, without one end of line at its end; `at` is where the
 * command's arguments may have a `-`.
 * @throws {JobxError} `CLI_USAGE`, `CLI_FILE_UNREADABLE`.
 */
export async function hiddenText(
  run: CommandRun,
  of: { readonly command: string; readonly at: number; readonly bytesMax: number },
): Promise<string> {
  const { command, at, bytesMax } = of;
  const usage = (message: string): Error => cliError({ code: "CLI_USAGE", command }, message);
  const file = run.text("from-file");
  const word = run.positionals[at];
  if (word !== undefined && (word !== "-" || file !== undefined)) {
    throw usage("it comes from --from-file or the standard input, not from an argument");
  }
  const bytes =
    file === undefined ? await run.io.readInput(bytesMax) : await contentOf(file, bytesMax);
  if (bytes === undefined) throw usage(`it has at most ${bytesMax} bytes`);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.replace(/\r?\n$/u, "");
  } catch {
    throw usage("it is text in UTF-8: encode what is not, as with base64");
  }
}

async function contentOf(file: string, bytesMax: number): Promise<Uint8Array | undefined> {
  const { bytes, content } = await localFile(file);
  if (bytes > bytesMax) return undefined;
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}
