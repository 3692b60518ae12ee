/** Applies commands of the tree: each is kept whole, or answered with the code for which it is not. */
import { unreachable } from "../../std/assert.ts";
import { refused } from "../answers.ts";
import type { Position, WorkflowTransaction } from "../apply-kit.ts";
import type { Answer } from "../rows.ts";
import { commitFiles, createFile, reserve, setAttribute, setAttributes } from "./apply-files.ts";
import {
  makeFolder,
  makeLink,
  makeSymlink,
  removeFolder,
  removeTree,
  unlink,
} from "./apply-names.ts";
import { lapse, pin, release, stage } from "./apply-pins.ts";
import { prepare } from "./apply-prepare.ts";
import { rename } from "./apply-rename.ts";
import { beginSnapshot, checkFrozen, endSnapshot, removeSnapshot } from "./apply-snapshots.ts";
import { sweepContent, sweepDirectory } from "./apply-sweep.ts";
import { TreeChange } from "./change.ts";
import { FS_COMMAND_NAMES_MAX, type Place, type TreeCommand } from "./commands.ts";
import { TOLD_PATH_LENGTH, TreeError, treeError } from "./errors.ts";
import { PATH_BYTES_MAX } from "./names.ts";
import { type PreparedEnd, ROOT_INODE } from "./rows.ts";
import { addStripes } from "./stripes.ts";
import { expireVersions, setRetention } from "./versions.ts";

/** Applies one command; the answer has its revision and the inode that it is about. @throws {MissingRows} */
export function applyTree(tx: WorkflowTransaction, at: Position, command: TreeCommand): Answer {
  const change = new TreeChange(tx, at);
  try {
    const named = command.kind === "fs-coded" ? command.command : command;
    const places = placesOf(named);
    checkPaths(places);
    checkFrozen(change, named, places);
    const inode = applied(change, named);
    if (command.kind === "fs-coded") addStripes(change, command.stripes);
    change.finish();
    return { kind: "inode", inode, revision: change.revision };
  } catch (error) {
    if (!(error instanceof TreeError)) throw error;
    const { code, path } = error.details;
    const about = path === undefined || path === "" ? "" : `: ${path.slice(0, TOLD_PATH_LENGTH)}`;
    return refused(code, error.message + about);
  }
}

/** @throws {TreeError} `COMMAND_TOO_LARGE` for paths that have too many names together. */
function checkPaths(places: readonly Place[]): void {
  let names = 0;
  for (const place of places) {
    if (place.path.length > PATH_BYTES_MAX) continue;
    names += place.path.split("/").length;
  }
  if (names > FS_COMMAND_NAMES_MAX) {
    const message = `the paths of a command have at most ${FS_COMMAND_NAMES_MAX} names together`;
    throw treeError("COMMAND_TOO_LARGE", message);
  }
}

/** All that a command names. */
function placesOf(command: TreeCommand): readonly Place[] {
  if ("place" in command) return [command.place];
  if (command.kind === "fs-prepare") return placesOfEnd(command);
  if (command.kind === "fs-unlink") return command.places;
  if (command.kind === "fs-link") return [command.from, command.to];
  if (command.kind === "fs-commit")
    return command.files.flatMap(({ place, keep }) => said(place, keep));
  if (command.kind !== "fs-rename") return [];
  return command.moves.flatMap(({ from, to, keep }) => said(from, to, keep));
}

function said(...places: readonly (Place | undefined)[]): readonly Place[] {
  return places.filter((place) => place !== undefined);
}

/** Paths below the workspace count without the few names that lead there. */
function placesOfEnd({ removes, moves, publishes }: PreparedEnd): readonly Place[] {
  const paths = [...removes, ...moves.map(({ path }) => path), ...publishes.map(({ to }) => to)];
  return paths.map((path) => ({ from: ROOT_INODE, path }));
}

/** A command without the stripes that came with it. */
type Uncoded = Exclude<TreeCommand, { readonly kind: "fs-coded" }>;

/** Does it; the inode, or for `fs-stage` the content, that it is about. */
function applied(change: TreeChange, command: Uncoded): number {
  switch (command.kind) {
    case "fs-volume":
      setOptions(change, command);
      return 0;
    case "fs-pin":
      pin(change, command);
      return 0;
    case "fs-release":
      release(change, command);
      return 0;
    case "fs-stage":
      return stage(change, command);
    case "fs-commit":
      return commitFiles(change, command);
    case "fs-reserve":
      return reserve(change, command);
    case "fs-create":
      return createFile(change, command);
    case "fs-mkdir":
      return makeFolder(change, command);
    case "fs-symlink":
      return makeSymlink(change, command);
    case "fs-link":
      return makeLink(change, command);
    case "fs-unlink":
      unlink(change, command);
      return 0;
    case "fs-rmdir":
      removeFolder(change, command);
      return 0;
    case "fs-remove":
      removeTree(change, command);
      return 0;
    case "fs-rename":
      return rename(change, command);
    case "fs-attributes":
      return setAttributes(change, command);
    case "fs-attribute":
      return setAttribute(change, command);
    case "fs-prepare":
      prepare(change, command);
      return 0;
    case "fs-snapshot":
      return beginSnapshot(change, command);
    case "fs-snapshot-end":
      return endSnapshot(change, command);
    case "fs-snapshot-remove":
      removeSnapshot(change, command);
      return 0;
    case "fs-retention":
      setRetention(change, command);
      return 0;
    case "fs-expire":
      expireVersions(change, command);
      return 0;
    case "fs-lapse":
      lapse(change, command);
      return 0;
    case "fs-sweep":
      sweepDirectory(change, command);
      return 0;
    case "fs-sweep-content":
      sweepContent(change, command);
      return 0;
    default:
      return unreachable(command);
  }
}

function setOptions(
  change: TreeChange,
  { revision, options }: Extract<TreeCommand, { readonly kind: "fs-volume" }>,
): void {
  if (revision !== change.volume.revision) {
    const message = `the volume has changed meanwhile: its revision is ${change.volume.revision}`;
    throw treeError("FS_CHANGED", message);
  }
  const { sealing, erasure = change.volume.erasure } = options;
  const { usedBytes, usedInodes, pins } = change.volume;
  if (sealing !== change.volume.sealing && usedBytes + usedInodes + pins > 0) {
    const message = "a volume is sealed, or not any more, only while it is empty";
    throw treeError("FS_VOLUME_IN_USE", message);
  }
  change.setVolume({ ...options, sealing, erasure, revision: change.revision });
}
