import { defineConfig } from "vitest/config";

/**
 * Areas run apart from each other: units in `npm run check`, the rest by `scripts/test.sh`. A test that
 * fails is never run again: what is lost once in many runs is what these tests look for.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          hookTimeout: 60_000,
          // The machine may be busy: only a test that hangs should end by this.
          testTimeout: 60_000,
          include: [
            "src/**/*.test.ts",
            "test/*.test.ts",
            "test/lib/**/*.test.ts",
            "scripts/**/*.test.ts",
            "test/conformance/**/*.test.ts",
            "test/replay/**/*.test.ts",
            "test/chaos/**/*.test.ts",
          ],
        },
      },
      {
        test: { name: "fuzz", include: ["test/fuzz/**/*.test.ts"], testTimeout: 300_000 },
      },
      { test: { name: "sim", include: ["test/sim/**/*.test.ts"], testTimeout: 900_000 } },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Clusters wait for time to pass more than they work; more of them would starve each other.
          maxWorkers: 2,
        },
      },
    ],
    coverage: { provider: "v8", include: ["src/**"], reporter: ["text"] },
  },
});
