/** `docs/limits.md` lists every bound with the value that the code has; `docs/security.md` names tests that there are. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const source = join(root, "src");
const page = readFileSync(join(root, "docs/limits.md"), "utf8");

/** A constant at the top of a file whose name says that it is a bound. */
const BOUND = /^(?:export )?const ([A-Z][A-Z0-9_]*(?:_MAX|_LIMIT|_AT_ONCE))\b[^=\n]*= ([^;]*);/gm;

/** As in a row: name, file, value. */
function inCode(): readonly string[] {
  return globSync("**/*.ts", { cwd: source })
    .filter((file) => !file.endsWith(".test.ts"))
    .flatMap((file) =>
      [...readFileSync(join(source, file), "utf8").matchAll(BOUND)].map(
        ([, name, value = ""]) => `${name} in ${file} is ${value.replace(/\s+/g, " ")}`,
      ),
    );
}

function onPage(): readonly string[] {
  const rows = page.matchAll(
    /^\| `([A-Z0-9_]+)` \| `([^`]+)` \| `([^`]+)` \| [^|]+ \| [^|]+ \|$/gm,
  );
  return [...rows].map(([, name, file, value]) => `${name} in ${file} is ${value}`);
}

test("every constant that bounds something is in docs/limits.md with its value, and none there is dead", () => {
  const known = inCode();
  expect(known.length).toBeGreaterThan(200);
  expect([...onPage()].sort()).toEqual([...known].sort());
});

test("the other bounds that docs/limits.md names are there as well", () => {
  const [, others = ""] = page.split("## Bounds with other names");
  const named = [...others.matchAll(/`([a-z][a-z0-9/-]*\.ts)`((?: `\w+`,?| and| [a-z ]+)*)/g)];
  expect(named.length).toBeGreaterThan(20);
  for (const [, file = "", names = ""] of named) {
    const text = readFileSync(join(source, file), "utf8");
    for (const [, name = ""] of names.matchAll(/`(\w+)`/g)) {
      expect([file, name, text.includes(name)]).toEqual([file, name, true]);
    }
  }
});

test("every test that docs/security.md names is there under its title", () => {
  const security = readFileSync(join(root, "docs/security.md"), "utf8");
  const named = [...security.matchAll(/`((?:src|test)\/[\w/.-]+\.test\.ts)`((?:,? "[^"]+")*)/g)];
  const titles = named.flatMap(([, file = "", list = ""]) =>
    [...list.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => [file, title] as const),
  );
  expect(titles.length).toBeGreaterThan(50);
  const missing = titles.filter(
    ([file, title]) => !readFileSync(join(root, file), "utf8").includes(`"${title}"`),
  );
  expect(missing).toEqual([]);
});
