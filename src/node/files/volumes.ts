/** Whole volumes behind the API: any node answers for any workflow's. */
import type { CallOptions } from "../../api/call-options.ts";
import type {
  CarImport,
  CarImportAnswer,
  OpenCar,
  VolumeCopy,
  VolumeCopyAnswer,
  VolumeKeyView,
  VolumePort,
  VolumeSettings,
  VolumeView,
} from "../../api/volume-port.ts";
import { volumeUse } from "../../scheduler/tree/reads.ts";
import type { Sealing, VolumeOptions, VolumeRow } from "../../scheduler/tree/rows.ts";
import type { VolumeKeys } from "../seal/volume-keys.ts";
import { openCar } from "./car-export.ts";
import { importCar } from "./car-import.ts";
import { copyWithin } from "./copy.ts";
import type { FileCalls } from "./file-calls.ts";
import { pathOf } from "./tree-reader.ts";

type VolumeKeysPort = Pick<VolumeKeys, "ensure" | "export" | "restore">;

export class Volumes implements VolumePort {
  readonly #calls: FileCalls;
  readonly #keys: VolumeKeysPort;

  constructor(calls: FileCalls, keys: VolumeKeysPort) {
    this.#calls = calls;
    this.#keys = keys;
  }

  async copy(input: VolumeCopy, options: CallOptions): Promise<VolumeCopyAnswer> {
    const call = await this.#calls.begin(input.workflow, options);
    const { reader, self, timers } = this.#calls.uploadDeps();
    const deps = {
      ...{ reader, self, timers },
      command: (one: Parameters<FileCalls["command"]>[1]) => this.#calls.command(call, one),
    };
    return copyWithin(deps, input, { call, signal: options.signal });
  }

  async openCar(at: Parameters<VolumePort["openCar"]>[0], options: CallOptions): Promise<OpenCar> {
    const call = await this.#calls.begin(at.workflow, options);
    const { reader, contents } = this.#calls;
    const from = await this.#calls.top(call, at.snapshot);
    const found = await reader.find(call, pathOf(at.path), { from });
    return openCar({ reader, contents, ...this.#calls.sources() }, found, call);
  }

  async importCar(
    input: CarImport,
    archive: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<CarImportAnswer> {
    const call = await this.#calls.begin(input.workflow, options);
    const { contents } = this.#calls;
    const deps = { ...this.#calls.uploadDeps(), contents, ...this.#calls.sources() };
    return importCar(deps, input, { call, archive, signal: options.signal });
  }

  async show(
    { workflow }: { readonly workflow: string },
    options: CallOptions,
  ): Promise<VolumeView> {
    const call = await this.#calls.begin(workflow, options);
    return viewOf(workflow, await this.#calls.reader.ask(call, volumeUse));
  }

  async change(
    input: Parameters<VolumePort["change"]>[0],
    options: CallOptions,
  ): Promise<VolumeView> {
    const { workflow, settings } = input;
    const call = await this.#calls.begin(workflow, options);
    const before = await this.#calls.reader.ask(call, volumeUse);
    // Before the volume asks for it; where the volume is not empty no key is made for nothing.
    const isEmpty = before.usedBytes + before.usedInodes + before.pins === 0;
    if (settings.sealed === true && before.sealing === undefined && isEmpty) {
      await this.#keys.ensure(call.group, options.deadline);
    }
    await this.#calls.command(call, {
      kind: "fs-volume",
      revision: input.revision ?? before.revision,
      options: merged(before, settings),
    });
    return viewOf(workflow, await this.#calls.reader.ask(call, volumeUse));
  }

  async exportKey(
    { workflow }: { readonly workflow: string },
    options: CallOptions,
  ): Promise<VolumeKeyView> {
    const { group } = await this.#calls.begin(workflow, options);
    return { workflow, ...(await this.#keys.export(group, options.deadline)) };
  }

  async restoreKey(
    { workflow, key }: { readonly workflow: string; readonly key: string },
    options: CallOptions,
  ): Promise<{ readonly nodes: number }> {
    const { group } = await this.#calls.begin(workflow, options);
    return { nodes: await this.#keys.restore(group, key, options.deadline) };
  }
}

/** How volumes are sealed that are to be from now on. */
const SEALING: Sealing = "aes-256-gcm-1";

function merged(
  before: VolumeRow,
  { copies, chunking, quotaBytes, quotaFiles, sealed }: Partial<VolumeSettings>,
): VolumeOptions {
  return {
    copies: copies ?? before.copies,
    chunking: chunking ?? before.chunking,
    quotaBytes: quotaBytes === undefined ? before.quotaBytes : (quotaBytes ?? undefined),
    quotaInodes: quotaFiles === undefined ? before.quotaInodes : (quotaFiles ?? undefined),
    sealing: (sealed ?? before.sealing !== undefined) ? SEALING : undefined,
  };
}

function viewOf(workflow: string, row: VolumeRow): VolumeView {
  const { revision, copies, chunking, usedBytes, usedInodes: usedFiles } = row;
  const quotas = { quotaBytes: row.quotaBytes ?? null, quotaFiles: row.quotaInodes ?? null };
  const sealed = row.sealing !== undefined;
  return { workflow, revision, copies, chunking, ...quotas, sealed, usedBytes, usedFiles };
}
