/** R25: the pin of an upload: while it is there, nobody deletes what the upload has put. */
import type { TreeCommand } from "../../scheduler/tree/commands.ts";
import type { Timer, Timers } from "../../std/clock.ts";

/** How long a pin lasts that nobody renews, and how often it is renewed: some elections may come between. */
const PIN_LASTS_MS = 300_000;
const PIN_RENEW_MS = 60_000;

export interface PinDeps {
  readonly upload: string;
  /** Who uploads: this node. */
  readonly holder: string;
  readonly timers: Timers;
  readonly command: (command: TreeCommand) => Promise<unknown>;
}

/** Begun, renewed until it is released. */
export class UploadPin {
  readonly #deps: PinDeps;
  #timer: Timer | undefined;
  #over = false;

  /** Use `begin`. */
  constructor(deps: PinDeps) {
    this.#deps = deps;
  }

  /** @throws {JobxError} `FS_TOO_MANY_PINS`, and those of commands. */
  static async begin(deps: PinDeps): Promise<UploadPin> {
    const pin = new UploadPin(deps);
    await deps.command(pin.#pin("begin"));
    pin.#renewLater();
    return pin;
  }

  get upload(): string {
    return this.#deps.upload;
  }

  /** Nobody waits for it: a pin whose release is lost lapses. */
  release(): void {
    this.#over = true;
    this.#timer?.cancel();
    const { command, upload } = this.#deps;
    command({ kind: "fs-release", upload }).catch(() => undefined);
  }

  #pin(how: "begin" | "renew"): TreeCommand {
    const { upload, holder } = this.#deps;
    return { kind: "fs-pin", how, upload, holder, lastsMs: PIN_LASTS_MS };
  }

  /** One that could not be renewed may be so the next time; if it lapsed, the commit is refused. */
  #renewLater(): void {
    this.#timer = this.#deps.timers.after(PIN_RENEW_MS, () => {
      const again = (): void => {
        if (!this.#over) this.#renewLater();
      };
      this.#deps.command(this.#pin("renew")).then(again, again);
    });
  }
}
