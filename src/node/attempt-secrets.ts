/** Lets attempts that run here at the secrets of their workflows, as soon as the node has its API. */
import type { SecretsPort } from "../actors/work-ports.ts";

export class AttemptSecrets implements SecretsPort {
  readonly #source: Promise<SecretsPort>;
  #resolve: (source: SecretsPort) => void = () => undefined;

  constructor() {
    this.#source = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** They can be opened from now on; attempts that came before wait for that. */
  opensWith(source: SecretsPort): void {
    this.#resolve(source);
  }

  async open(group: number, names: readonly string[]): ReturnType<SecretsPort["open"]> {
    return (await this.#source).open(group, names);
  }

  async unsealKey(group: number): Promise<Uint8Array> {
    return (await this.#source).unsealKey(group);
  }
}
