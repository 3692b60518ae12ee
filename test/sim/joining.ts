/**
 * How a machine comes into the cluster: it asks members for admission with the words and through the code
 * of the program. Only the connection that proves the ticket is left out.
 */
import type { Admission } from "../../src/mesh/ports.ts";
import { joinAnswerFormat, joinRequestFormat } from "../../src/wire/join.ts";
import type { Chance } from "./chance.ts";
import type { SimHost } from "./host.ts";
import type { World } from "./world.ts";

/** The id of the ticket that everybody has. */
export const TICKET = "ticket";

/** The program's newcomer gives a member up after so long. */
const ANSWER_MS = 25_000;

/** Chance that the answer gets lost, and the newcomer asks again under the same key. */
const LOST_RATIO = 0.1;

export interface JoinOptions {
  readonly world: World;
  readonly chance: Chance;
  /** Some of them are members that run. */
  readonly hosts: readonly SimHost[];
  /** Whether words go both ways between two machines. */
  readonly isOpen: (a: string, b: string) => boolean;
}

/** Asks until a member has admitted the host, and starts it then. */
export async function joinCluster(host: SimHost, options: JoinOptions): Promise<void> {
  const { world, chance, hosts, isOpen } = options;
  for (;;) {
    await world.loop.sleep(chance.between(1, 400));
    const ready = hosts.filter(({ id, node }) => node !== undefined && isOpen(host.id, id));
    if (ready.length === 0) continue;
    const member = chance.pick(ready);
    const request = joinRequestFormat.encode({ member: host.introduction });
    const answer = await askOf(member, { host, request, world });
    if (answer === undefined || !isOpen(host.id, member.id) || chance.hits(LOST_RATIO)) continue;
    host.knownMembers = joinAnswerFormat.decode(answer).members.map(({ node }) => node);
    world.trace.note(`${host.id} was admitted by ${member.id}`);
    host.start();
    return;
  }
}

/** Undefined when the member did not answer, or refused. */
function askOf(
  { process }: SimHost,
  about: { readonly host: SimHost; readonly request: Uint8Array; readonly world: World },
): Promise<Uint8Array | undefined> {
  const { host, request, world } = about;
  return new Promise((resolve) => {
    const timer = world.loop.after(ANSWER_MS, () => resolve(undefined));
    const end = (answer: Uint8Array | undefined): void => {
      timer.cancel();
      resolve(answer);
    };
    process?.enter(() => {
      admitted(process.admission, host.id, request).then(end, (error: unknown) => {
        world.trace.note(`${host.id} was refused by ${process.id}: ${String(error)}`);
        end(undefined);
      });
    });
  });
}

async function admitted(
  admission: Admission,
  node: string,
  request: Uint8Array,
): Promise<Uint8Array> {
  const verifier = await admission.verifier(TICKET);
  if (verifier === undefined) throw new Error("the member knows no such ticket");
  return admission.admit({ node, ticketId: TICKET }, request);
}
