/** What a worker prints, without the secrets that it was given: its tails, and who looks at it meanwhile. */
import type { Printed } from "../wire/dataset.ts";
import { OutputTail, PRINTED_TAIL_BYTES } from "./output-tail.ts";
import { SecretMask, SecretValues } from "./secret-mask.ts";

/** Where captured output goes while it happens, besides the tails. */
export type OutputListener = (stream: "stdout" | "stderr", chunk: Uint8Array) => void;

export class WorkerPrints {
  readonly stdout = new OutputTail();
  readonly stderr = new OutputTail();
  onOutput: OutputListener | undefined;
  /** Told of each print at once, also while what it may be the beginning of is waited for. */
  onPrint: (() => void) | undefined;
  readonly #secrets = new SecretValues();
  readonly #masks = {
    stdout: new SecretMask(this.#secrets),
    stderr: new SecretMask(this.#secrets),
  };

  /** From now on nobody sees these: what was given to a worker may come up at any time of its life. */
  hide(values: readonly string[]): void {
    this.#secrets.add(values);
  }

  /** How many texts are hidden: each is looked for in all that is printed. */
  get hiddenTexts(): number {
    return this.#secrets.values.length;
  }

  /** A text that the worker says, as it may be seen. */
  hidden(text: string): string {
    return this.#secrets.hide(text);
  }

  push(stream: "stdout" | "stderr", chunk: Uint8Array): void {
    this.onPrint?.();
    this.#show(stream, this.#masks[stream].push(chunk));
  }

  /** What has waited for its rest is shown: nothing comes for now. */
  settle(): void {
    this.#show("stdout", this.#masks.stdout.flush());
    this.#show("stderr", this.#masks.stderr.flush());
  }

  /** For the next attempt. */
  reset(): void {
    this.stdout.reset();
    this.stderr.reset();
    this.#masks.stdout.reset();
    this.#masks.stderr.reset();
  }

  /** Bytes that were printed since then, as they were printed. */
  get totalBytes(): number {
    const { stdout, stderr } = this.#masks;
    const hidden = stdout.hiddenBytes + stderr.hiddenBytes;
    return this.stdout.totalBytes + this.stderr.totalBytes + hidden;
  }

  /** The last of what was printed since then; undefined when that is nothing. */
  printed(): Printed | undefined {
    if (this.stdout.totalBytes + this.stderr.totalBytes === 0) return undefined;
    const stdout = this.stdout.text(PRINTED_TAIL_BYTES);
    return { stdout, stderr: this.stderr.text(PRINTED_TAIL_BYTES) };
  }

  #show(stream: "stdout" | "stderr", chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this[stream].push(chunk);
    this.onOutput?.(stream, chunk);
  }
}
