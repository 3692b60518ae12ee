import tseslint from "typescript-eslint";

const folders = (...names) => names.map((name) => `src/${name}/**/*.ts`);
/** Decides; never waits. */
const PURE = folders("std", "workflow", "raft", "scheduler");
/** Reaches the machine only through its ports. */
const CORE = [...PURE, ...folders("actors")];
const SHAPE = [
  { selector: "ExportDefaultDeclaration", message: "Name what you export." },
  { selector: "ExportAllDeclaration", message: "List what the module exports by name." },
  { selector: "[accessibility='private']", message: "Use #name." },
];
const NO_CLOCK = {
  selector: "NewExpression[callee.name='Date'][arguments.length=0]",
  message: "Take the time as an argument.",
};

export default tseslint.config(
  { ignores: ["dist/**", "docs/api/**", "coverage/**", "node_modules/**"] },
  {
    files: ["**/*.ts"],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { "@typescript-eslint": tseslint.plugin },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/return-await": ["error", "in-try-catch"],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: true },
      ],
      "@typescript-eslint/no-unnecessary-condition": "error",
      "@typescript-eslint/no-unsafe-assignment": "error",
      "@typescript-eslint/no-unsafe-argument": "error",
      "@typescript-eslint/no-unsafe-call": "error",
      "@typescript-eslint/no-unsafe-member-access": "error",
      "@typescript-eslint/no-unsafe-return": "error",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/prefer-promise-reject-errors": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/consistent-type-assertions": ["error", { assertionStyle: "never" }],
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/unbound-method": "error",
      "@typescript-eslint/no-deprecated": "warn",
      "max-lines-per-function": ["error", { max: 70, skipBlankLines: true, skipComments: true }],
      "max-lines": ["error", { max: 500, skipBlankLines: true, skipComments: true }],
      "no-restricted-syntax": ["error", ...SHAPE],
      eqeqeq: "error",
    },
  },
  {
    files: CORE,
    ignores: ["**/*.test.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        "setTimeout",
        "setInterval",
        "setImmediate",
        "queueMicrotask",
        "process",
        "performance",
        "crypto",
        "fetch",
        "Buffer",
        "console",
      ],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "Take the time as an argument." },
        { object: "Math", property: "random", message: "Take a Random as an argument." },
      ],
      "no-restricted-syntax": ["error", ...SHAPE, NO_CLOCK],
    },
  },
  {
    files: PURE,
    ignores: ["**/*.test.ts"],
    rules: {
      // The last block that names a rule wins, so the selectors are repeated.
      "no-restricted-syntax": [
        "error",
        ...SHAPE,
        NO_CLOCK,
        { selector: "AwaitExpression", message: "Pure code does not wait." },
      ],
    },
  },
  {
    files: ["**/*.test.ts", "test/**/*.ts", "bench/**/*.ts", "vitest.config.ts"],
    rules: { "max-lines-per-function": "off", "no-restricted-syntax": "off" },
  },
);
