/** A run's summary for people. */
import type { ChaosReport } from "./chaos.ts";
import { DELAY_MS_WANTED, RESTART_MS_WANTED } from "./rounds.ts";

/** Some lines; the last one says whether all is well. */
export function reportText(report: ChaosReport): string {
  const { storm, roll, restarts, stalls, failures } = report;
  const lines = [
    `seed ${report.seed}`,
    `submissions ${report.submissions}, acknowledged ${report.acknowledged}, ended ${report.ended}`,
    `kills ${storm.kills}, pauses ${storm.pauses}, stops ${storm.stops}, cuts ${storm.cuts}, leader changes ${report.leaderChanges}`,
    `longest time without an acknowledged submission ${ms(report.gapMs)}`,
    `states of replicas compared on the way ${report.statesCompared}`,
  ];
  if (report.wholeMs !== undefined)
    lines.push(`whole again after the storm in ${ms(report.wholeMs)}`);
  if (roll !== undefined) {
    const verdict = verdictOf(roll.delayMsMax, DELAY_MS_WANTED);
    const { submissions, tookMs } = roll;
    lines.push(
      `rolling restart in ${ms(tookMs)}, ${submissions} submissions, longest delay ${ms(roll.delayMsMax)} (${verdict})`,
    );
  }
  if (restarts.length > 0) {
    const worst = (of: (one: ChaosReport["restarts"][number]) => number): number =>
      Math.max(...restarts.map(of));
    const last = (one: ChaosReport["restarts"][number]): number =>
      Math.max(one.readyMs, one.connectedMs, one.acknowledgedMs, one.workedMs);
    const [all, after] = [worst(last), worst((one) => last(one) - one.answersMs)];
    lines.push(
      `quick restarts ${restarts.length}, at most: answers ${ms(worst((one) => one.answersMs))}, ready ${ms(worst((one) => one.readyMs))}, ` +
        `connected ${ms(worst((one) => one.connectedMs))}, ` +
        `acknowledged ${ms(worst((one) => one.acknowledgedMs))}, ` +
        `worked ${ms(worst((one) => one.workedMs))}`,
      `  all of it ${ms(all)} after the start of the process (${verdictOf(all, RESTART_MS_WANTED)}), ` +
        `${ms(after)} after its first answer (${verdictOf(after, RESTART_MS_WANTED)})`,
    );
  }
  if (stalls.length > 0) {
    const lost = stalls.flatMap((one) => one.lost).length;
    lines.push(`stalls of 2 s ${stalls.length}, leaderships lost ${lost}`);
  }
  if (failures.length > 0) lines.push("", "FAILED", ...failures, `logs: ${report.folder}`);
  else lines.push("all is well");
  return lines.join("\n");
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}

function verdictOf(value: number, wanted: number): string {
  return value <= wanted ? `within ${wanted} ms` : `MORE than ${wanted} ms`;
}
