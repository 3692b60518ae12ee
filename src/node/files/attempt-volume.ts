/** Whole trees for the handlers of one attempt: copies and archives, into the workspace and out of it. */
import type { CallOptions } from "../../api/ports.ts";
import type {
  CarImport,
  CarImportAnswer,
  OpenCar,
  VolumeCopy,
  VolumeCopyAnswer,
} from "../../api/volume-port.ts";
import { exists } from "../../scheduler/tree/errors.ts";
import { checkEmpty, checkFolder } from "./attempt-checks.ts";
import { shown } from "./attempt-files.ts";
import type { AttemptView, Below } from "./attempt-view.ts";

export class AttemptVolume implements Pick<Below["volumes"], "copy" | "openCar" | "importCar"> {
  readonly #view: AttemptView;

  constructor(view: AttemptView) {
    this.#view = view;
  }

  async copy(input: VolumeCopy, options: CallOptions): Promise<VolumeCopyAnswer> {
    const rel = this.#view.within(input.from);
    const from = rel === undefined ? input.from : await this.#view.whole(rel, options);
    const to = this.#view.within(input.to);
    const { volumes } = this.#view.below;
    if (to === undefined) return volumes.copy({ ...input, from }, options);
    await checkFolder(this.#view, { path: input.to, rel: to, parents: input.parents }, options);
    await this.#checkTarget({ ...input, path: input.to, rel: to }, options);
    const target = { to: this.#view.staged(to), parents: true };
    const copied = await volumes.copy({ ...input, from, ...target }, options);
    return { ...copied, path: shown(input.to) };
  }

  async openCar(
    at: { readonly workflow: string; readonly path: string },
    options: CallOptions,
  ): Promise<OpenCar> {
    const rel = this.#view.within(at.path);
    const path = rel === undefined ? at.path : await this.#view.whole(rel, options);
    return this.#view.below.volumes.openCar({ ...at, path }, options);
  }

  async importCar(
    input: CarImport,
    archive: AsyncIterable<Uint8Array>,
    options: CallOptions,
  ): Promise<CarImportAnswer> {
    const { volumes } = this.#view.below;
    const { path } = input;
    const rel = this.#view.within(path);
    if (rel === undefined) return volumes.importCar(input, archive, options);
    await checkFolder(this.#view, { path, rel, parents: true }, options);
    await this.#checkTarget({ path, rel, exclusive: false }, options);
    const target = { ...input, path: this.#view.staged(rel) };
    return { ...(await volumes.importCar(target, archive, options)), path: shown(path) };
  }

  /** A file is replaced, and an empty folder. @throws {JobxError} `FS_EXISTS`, `FS_NOT_EMPTY`. */
  async #checkTarget(
    at: { readonly path: string; readonly rel: string; readonly exclusive: boolean },
    options: CallOptions,
  ): Promise<void> {
    const found = await this.#view.find(at.rel, options);
    if (found?.view.type === "directory") await checkEmpty(this.#view, at, options);
    else if (found !== undefined && at.exclusive) throw exists(at.path);
    await this.#view.stage(options);
  }
}
