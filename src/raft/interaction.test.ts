/**
 * Whole scripts of another Raft library, run against this core where JOBX_RAFT_VECTORS says they
 * are. States are compared, traces are not.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Interaction, parseScript } from "../../test/lib/raft-interaction.ts";

const folder = process.env["JOBX_RAFT_VECTORS"];

/** Scripts about things that this core does not do, on purpose. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "forget_leader.txt": "leaderGone takes the place of forgetting a leader",
  "forget_leader_prevote_checkquorum.txt": "leaderGone takes the place of forgetting a leader",
  "forget_leader_read_only_lease_based.txt": "reads never rest on a lease",
  "confchange_disable_validation.txt": "membership changes are always checked",
};
const SCRIPTS_MIN = 24;

if (folder === undefined) {
  console.log("raft scripts skipped: JOBX_RAFT_VECTORS does not name their folder");
  test.skip("the scripts of another Raft library lead to the same states here", () => {});
} else {
  describe("interaction scripts", () => {
    const path = join(folder, "interaction");
    let ran = 0;
    for (const name of readdirSync(path).sort()) {
      if (name in LEFT_OUT) continue;
      test(name, () => {
        ran += 1;
        const interaction = new Interaction();
        for (const command of parseScript(readFileSync(join(path, name), "utf8"))) {
          const differences = interaction.run(command);
          expect(differences.join("\n"), `line ${command.line}: ${command.name}`).toBe("");
        }
        expect(interaction.compared, "states compared").toBeGreaterThan(0);
      });
    }
    test("enough of them ran", () => {
      expect(ran).toBeGreaterThanOrEqual(SCRIPTS_MIN);
    });
  });
}
