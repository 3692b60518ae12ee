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
import { rowOf } from "../../scheduler/apply-kit.ts";
import type { Row } from "../../scheduler/rows.ts";
import type { RowView } from "../../scheduler/transaction.ts";
import { RETENTION_KEY } from "../../scheduler/tree/keys.ts";
import { volumeUse } from "../../scheduler/tree/reads.ts";
import type { Sealing, VolumeOptions, VolumeRow } from "../../scheduler/tree/rows.ts";
import type { VolumeKeys } from "../seal/volume-keys.ts";
import { openCar } from "./car-export.ts";
import { importCar } from "./car-import.ts";
import { copyWithin } from "./copy.ts";
import { erasureOptions, erasureText } from "./erasure-setting.ts";
import type { FileCalls } from "./file-calls.ts";
import { type FileCall, pathOf } from "./tree-reader.ts";

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
    return this.#view(call, workflow);
  }

  async change(
    input: Parameters<VolumePort["change"]>[0],
    options: CallOptions,
  ): Promise<VolumeView> {
    const { workflow, settings } = input;
    const call = await this.#calls.begin(workflow, options);
    const { reader } = this.#calls;
    const before = await reader.ask(call, (view) => ({ ...volumeUse(view), ...keptBy(view) }));
    await this.#makeKey(call, { before, settings }, options);
    const { versions = before.versions, versionsMs = before.versionsMs, ...others } = settings;
    if (input.revision !== undefined || Object.keys(others).length > 0) {
      await this.#calls.command(call, {
        kind: "fs-volume",
        revision: input.revision ?? before.revision,
        options: merged(before, others),
      });
    }
    if (settings.versions !== undefined || settings.versionsMs !== undefined) {
      await this.#calls.command(call, { kind: "fs-retention", versions, versionsMs });
    }
    return this.#view(call, workflow);
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

  /** Before the volume asks for it; where the volume is not empty no key is made for nothing. */
  async #makeKey(
    { group }: FileCall,
    change: { readonly before: VolumeRow; readonly settings: Partial<VolumeSettings> },
    { deadline }: CallOptions,
  ): Promise<void> {
    const { before, settings } = change;
    const isEmpty = before.usedBytes + before.usedInodes + before.pins === 0;
    if (settings.sealed !== true || before.sealing !== undefined || !isEmpty) return;
    await this.#keys.ensure(group, deadline);
  }

  #view(call: FileCall, workflow: string): Promise<VolumeView> {
    return this.#calls.reader.ask(call, (view) => ({
      ...viewOf(workflow, volumeUse(view)),
      ...keptBy(view),
    }));
  }
}

/** For how long versions are kept where nobody has said it: 30 days. */
const VERSIONS_MS_DEFAULT = 30 * 24 * 3_600_000;

/** What is kept of files that are replaced or removed. @throws {MissingRows} */
function keptBy(view: RowView<Row>): Pick<VolumeSettings, "versions" | "versionsMs"> {
  const row = rowOf(view, "fs-retention", RETENTION_KEY);
  return { versions: row?.versions ?? 0, versionsMs: row?.versionsMs ?? VERSIONS_MS_DEFAULT };
}

/** How volumes are sealed that are to be from now on. */
const SEALING: Sealing = "aes-256-gcm-1";

function merged(before: VolumeRow, settings: Partial<VolumeSettings>): VolumeOptions {
  const { chunking, quotaBytes, quotaFiles, sealed } = settings;
  return {
    ...erasureOptions(before, settings),
    chunking: chunking ?? before.chunking,
    quotaBytes: quotaBytes === undefined ? before.quotaBytes : (quotaBytes ?? undefined),
    quotaInodes: quotaFiles === undefined ? before.quotaInodes : (quotaFiles ?? undefined),
    sealing: (sealed ?? before.sealing !== undefined) ? SEALING : undefined,
  };
}

function viewOf(workflow: string, row: VolumeRow): Omit<VolumeView, "versions" | "versionsMs"> {
  const { revision, copies, chunking, usedBytes, usedInodes: usedFiles } = row;
  const quotas = { quotaBytes: row.quotaBytes ?? null, quotaFiles: row.quotaInodes ?? null };
  const sealed = row.sealing !== undefined;
  const erasure = erasureText(row.erasure);
  const has = { ...quotas, sealed, erasure, usedBytes, usedFiles };
  return { workflow, revision, copies, chunking, ...has };
}
