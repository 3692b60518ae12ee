/** Ends of attempts as an executor says them: together, but for those that change files (R12). */
import type { ToldEnd } from "../scheduler/protocol.ts";
import { type AttemptRun, RUN_MS_MAX } from "../scheduler/work.ts";
import type { LocalAttempt, LocalRun } from "./executor-session.ts";

/** Ends that one scheduler is told in one message, and has in one command. */
export interface EndsToTell {
  readonly group: number;
  readonly ends: readonly ToldEnd[];
}

/** What is to be said of those of the attempts that have ended, by this node's clock. */
export function endsToTell(attempts: Iterable<LocalAttempt>, nowMs: number): readonly EndsToTell[] {
  const byGroup = new Map<number, ToldEnd[]>();
  const alone: EndsToTell[] = [];
  for (const { group, grant, end } of attempts) {
    if (end === undefined) continue;
    const { token } = grant;
    const { outcome, hasFiles } = end;
    const ranMicros = Math.ceil(end.ranMs * 1000);
    const told = { token, outcome, run: runAt(end.run, nowMs), ranMicros };
    if (hasFiles) {
      alone.push({ group, ends: [told] });
      continue;
    }
    const ends = byGroup.get(group) ?? [];
    ends.push(told);
    byGroup.set(group, ends);
  }
  return [...[...byGroup].map(([group, ends]) => ({ group, ends })), ...alone];
}

function runAt(run: LocalRun | undefined, nowMs: number): AttemptRun | undefined {
  if (run === undefined) return undefined;
  const whole = (ms: number): number => Math.min(RUN_MS_MAX, Math.max(0, Math.round(ms)));
  return { tookMs: whole(run.tookMs), agoMs: whole(nowMs - run.throughMs) };
}
