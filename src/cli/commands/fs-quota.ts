import type { VolumeSettings } from "../../api/volume-port.ts";
import { DURATION_RULE, parseDuration } from "../../workflow/duration.ts";
import { parseSize, SIZE_RULE } from "../../workflow/size.ts";
import { type Command, type CommandRun, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { fieldsText, toJson } from "../output.ts";

/** `jobx fs quota WORKFLOW` */
export const FS_QUOTA: Command = {
  name: "fs quota",
  summary: "Show what a workflow's volume holds and may hold, and change what it may.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: {
    bytes: {
      kind: "text",
      value: "SIZE",
      help: "All files together, as 10GiB; none for no quota.",
    },
    files: { kind: "text", value: "N", help: "Files, folders and links; none for no quota." },
    copies: { kind: "text", value: "N", help: "On how many nodes new content is to be, 1 to 16." },
    chunking: {
      kind: "text",
      value: "HOW",
      help: "How new files are cut: fixed or content-defined.",
    },
    sealed: {
      kind: "text",
      value: "YES",
      help: "Seal blocks with the workflow's key: yes or no; only while the volume is empty.",
    },
    erasure: {
      kind: "text",
      value: "K+M",
      help: "Code new files of several blocks, as 4+2, in place of copies; none for copies.",
    },
    versions: {
      kind: "text",
      value: "N",
      help: "Versions of each file that are kept when it is replaced or removed, 0 to 100.",
    },
    "versions-for": { kind: "text", value: "TIME", help: "For how long, as 720h." },
  },
  examples: [
    "jobx fs quota text --versions 10 --versions-for 720h",
    "jobx fs quota text",
    "jobx fs quota text --bytes 100GiB --files 1000000",
  ],
  async run(run) {
    const settings = settingsOf(run);
    const { volumes } = await run.connect();
    const workflow = positional(run, 0);
    const view =
      Object.keys(settings).length === 0
        ? await volumes.show(workflow)
        : await volumes.change({ workflow, ...settings });
    run.io.out(run.json ? toJson(view) : fieldsText(view));
    return EXIT.ok;
  },
};

/** What the options say; of what they do not say there is no member. @throws {JobxError} `CLI_USAGE`. */
function settingsOf(run: CommandRun): Partial<VolumeSettings> {
  const bytes = limitOf(run, "bytes");
  const files = limitOf(run, "files");
  const copies = run.text("copies");
  const chunking = run.text("chunking");
  const versions = run.text("versions");
  const versionsFor = run.text("versions-for");
  const versionsMs = versionsFor === undefined ? undefined : parseDuration(versionsFor);
  if (versions !== undefined && !/^(?:[0-9]{1,2}|100)$/u.test(versions)) {
    throw usage(`--versions: expected 0 to 100, found ${versions}`);
  }
  if (versionsFor !== undefined && versionsMs === undefined) {
    throw usage(`--versions-for: expected ${DURATION_RULE}, found ${versionsFor}`);
  }
  if (copies !== undefined && !/^(?:[1-9]|1[0-6])$/u.test(copies)) {
    throw usage(`--copies: expected 1 to 16, found ${copies}`);
  }
  if (chunking !== undefined && chunking !== "fixed" && chunking !== "content-defined") {
    throw usage(`--chunking: expected fixed or content-defined, found ${chunking}`);
  }
  const sealed = run.text("sealed");
  if (sealed !== undefined && sealed !== "yes" && sealed !== "no") {
    throw usage(`--sealed: expected yes or no, found ${sealed}`);
  }
  const erasure = run.text("erasure");
  if (erasure !== undefined && erasure !== "none" && !/^[0-9]{1,2}\+[0-9]$/u.test(erasure)) {
    throw usage(`--erasure: expected data+parity as 4+2, or none, found ${erasure}`);
  }
  return {
    ...(erasure === undefined ? {} : { erasure: erasure === "none" ? null : erasure }),
    ...(sealed === undefined ? {} : { sealed: sealed === "yes" }),
    ...(bytes === undefined ? {} : { quotaBytes: bytes }),
    ...(files === undefined ? {} : { quotaFiles: files }),
    ...(copies === undefined ? {} : { copies: Number(copies) }),
    ...(chunking === undefined ? {} : { chunking }),
    ...(versions === undefined ? {} : { versions: Number(versions) }),
    ...(versionsMs === undefined ? {} : { versionsMs }),
  };
}

/** Null for none; undefined where it is not said. */
function limitOf(run: CommandRun, name: "bytes" | "files"): number | null | undefined {
  const text = run.text(name);
  if (text === undefined) return undefined;
  if (text === "none") return null;
  const value = name === "bytes" || /^[0-9]+$/u.test(text) ? parseSize(text) : undefined;
  if (value !== undefined) return value;
  const rule = name === "bytes" ? SIZE_RULE : "a whole number";
  throw usage(`--${name}: expected ${rule}, or none, found ${text}`);
}

function usage(message: string): Error {
  return cliError({ code: "CLI_USAGE", command: "fs quota" }, message);
}
