import { configDefaults, defineConfig } from "vitest/config";

/**
 * Folders whose tests run nothing real: they share nothing that a test could leave changed, so that those of many
 * files run in one process. That spares the loading of the same modules again for each file.
 */
const PURE = ["actors", "raft", "scheduler", "std", "store", "wire", "workflow"].map(
  (name) => `src/${name}/**/*.test.ts`,
);
/** Test files at once; left alone it would be one less than processors, which is one on a small machine. */
const WORKERS = 2;

const CONFORMANCE = "test/conformance/**/*.test.ts";

/**
 * Areas run apart from each other: units in `npm run check`, the rest by `scripts/test.sh`. A test that
 * fails is never run again: what is lost once in many runs is what these tests look for.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit-pure",
          isolate: false,
          maxWorkers: WORKERS,
          testTimeout: 60_000,
          include: [...PURE, CONFORMANCE],
        },
      },
      {
        test: {
          name: "unit",
          maxWorkers: WORKERS,
          hookTimeout: 60_000,
          // The machine may be busy: only a test that hangs should end by this.
          testTimeout: 60_000,
          include: [
            "src/**/*.test.ts",
            "test/*.test.ts",
            "test/lib/**/*.test.ts",
            "scripts/**/*.test.ts",
            "test/replay/**/*.test.ts",
            "test/chaos/**/*.test.ts",
          ],
          exclude: [...configDefaults.exclude, ...PURE],
        },
      },
      {
        test: { name: "fuzz", include: ["test/fuzz/**/*.test.ts"], testTimeout: 300_000 },
      },
      {
        test: {
          name: "sim",
          include: ["test/sim/**/*.test.ts"],
          testTimeout: 900_000,
          maxWorkers: WORKERS,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Clusters wait for time to pass more than they work; still more of them would starve each other.
          maxWorkers: WORKERS + 1,
        },
      },
    ],
    coverage: { provider: "v8", include: ["src/**"], reporter: ["text"] },
  },
});
