/** Programs that speak frames themselves: one in C, compiled here, and one in Perl. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ClassicLevel } from "classic-level";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { bundleOf } from "../../../../test/lib/bundle-kit.ts";
import {
  failureOf,
  HandlerKit,
  machineClock,
  type Pair,
  resultOf,
  type TestHandler,
} from "../../../../test/lib/handler-kit.ts";
import { checkHandler } from "../../handler-check.ts";

vi.setConfig({ testTimeout: 60_000 });

const FIXTURES = fileURLToPath(
  new URL("../../../../test/fixtures/handlers/frames/", import.meta.url),
);
const directory = mkdtempSync(join(tmpdir(), "jobx-frames-"));
afterAll(() => rmSync(directory, { recursive: true }));

let kit: HandlerKit | undefined;
afterEach(() => kit?.close());

const open = async () => {
  kit = await HandlerKit.open();
  return kit;
};

async function accepted(own: HandlerKit, file: string, source: string): Promise<TestHandler> {
  const options = { pool: own.pool, timers: machineClock };
  const checked = await checkHandler({ name: "told", file, source }, options);
  if (checked.kind !== "accepted") throw new Error(JSON.stringify(checked));
  const { definition } = checked;
  const { name, version, language, type, argumentType, memoryBytes, runtime } = definition;
  const ref = { name, version, language, type, argumentType, memoryBytes, runtime };
  return { ref, source: definition.source };
}

function compiled(): Uint8Array {
  const program = join(directory, "echo");
  execFileSync("gcc", ["-O2", "-Wall", "-Werror", "-o", program, join(FIXTURES, "echo.c")]);
  return readFileSync(program);
}

const ECHO_YAML = `main: echo
handler_type: mapper
required_capability: none
protocol: frames
`;

test("a mapper in C and a reducer in Perl give each other what they yield", async () => {
  const own = await open();
  const source = bundleOf({ "handler.yaml": ECHO_YAML, echo: compiled() });
  const mapper = await accepted(own, "told/handler.yaml", source);
  const reducer = await accepted(own, "sum.pl", readFileSync(join(FIXTURES, "sum.pl"), "utf8"));
  const pairs = Array.from({ length: 3000 }, (_, at): Pair => [`key ${at % 2}`, 1]);
  const outcome = await own.map({ mapper, reducer }, pairs);
  expect(await resultOf(own, outcome)).toEqual([
    ["batches", Math.ceil(3000 / 256)],
    ["key 0", 1500],
    ["key 1", 1500],
  ]);
});

test("its process serves one call after the other, of its own handler alone", async () => {
  const own = await open();
  const reducer = await accepted(own, "sum.pl", readFileSync(join(FIXTURES, "sum.pl"), "utf8"));
  const pids: unknown[] = [];
  for (const values of [[1, 2], [3]]) {
    const input = await own.sortedDataset(values.map((value): Pair => ["k", value]));
    const outcome = await own.reduce(reducer, [input]);
    expect(await resultOf(own, outcome)).toEqual([
      ["k", values.reduce((sum, one) => sum + one, 0)],
    ]);
    // The other one, of line mode, has checked the source.
    pids.push(own.pool.pids.at(-1));
  }
  expect(new Set(pids).size).toBe(1);
});

test("a value that is spread over several frames is added up", async () => {
  const own = await open();
  const reducer = await accepted(own, "sum.pl", readFileSync(join(FIXTURES, "sum.pl"), "utf8"));
  const pairs = Array.from({ length: 100_000 }, (): Pair => ["k", 1]);
  const outcome = await own.reduce(reducer, [await own.sortedDataset(pairs)]);
  expect(await resultOf(own, outcome)).toEqual([["k", 100_000]]);
});

test.each([
  ["ends in the middle of a call", "exit 5 if $frame->{kind} eq 'start';", "HANDLER_CRASHED"],
  ["writes what is no frame", "syswrite($out, 'no frame here');", "HANDLER_PROTOCOL"],
])("a program that %s fails its attempt with a code", async (_what, mischief, code) => {
  const own = await open();
  const good = readFileSync(join(FIXTURES, "sum.pl"), "utf8");
  const bad = good.replace(
    "elsif ($frame->{kind} eq 'start') {",
    `elsif ($frame->{kind} eq 'start') { ${mischief}`,
  );
  const reducer = await accepted(own, "sum.pl", bad);
  const outcome = await own.reduce(reducer, [await own.sortedDataset([["k", 1]])]);
  expect(failureOf(outcome)).toMatchObject({ code });
});

test.each([
  [
    "lines",
    // A subshell of its own would open files to look.
    `#!/usr/bin/perl
opendir(my $d, "/proc/self/fd"); print "$_\\t" . (readlink("/proc/self/fd/$_") // "") . "\\n" for readdir $d;
`,
  ],
  [
    "frames",
    `#!/usr/bin/perl
use strict; use JSON::PP;
open(my $in, '<&=', 3); open(my $out, '>&=', 4); binmode $_ for $in, $out;
opendir(my $d, "/proc/self/fd");
my @links = map { [$_, readlink("/proc/self/fd/$_") // ""] } readdir $d;
sub say_frame { my $b = encode_json(shift); print {$out} pack('N', length $b), $b; $out->flush }
while (1) {
  my ($head, $body);
  exit 0 if (read($in, $head, 4) // 0) < 4;
  read($in, $body, unpack('N', $head));
  my $m = decode_json($body);
  next if ref $m eq 'ARRAY';
  say_frame({ kind => 'hello', version => 1, codec => 'json' }) if $m->{kind} eq 'hello';
  if ($m->{kind} eq 'start') {
    say_frame({ kind => 'direction', step => undef });
    say_frame(\\@links);
    say_frame({ kind => 'done', call => $m->{call}, logged => 0 });
  }
}
`,
  ],
] as const)(
  "a program that speaks %s has none of the node's open files",
  async (protocol, source) => {
    const own = await open();
    const database = new ClassicLevel(join(directory, `database-${protocol}`));
    await database.open();
    try {
      const header = `# **\n# handler_type: mapper\n# required_capability: none\n# protocol: ${protocol}\n`;
      const [first = "", ...rest] = source.split("\n");
      const mapper = await accepted(own, "links.pl", [first, header + rest.join("\n")].join("\n"));
      const pairs = await resultOf(own, await own.map({ mapper }, []));
      const ours = readdirSync("/proc/self/fd").map((name) => linkOf(`/proc/self/fd/${name}`));
      expect(ours.filter((link) => link.startsWith(directory)).length).toBeGreaterThan(1);
      expect(JSON.stringify(pairs)).toMatch(/"?2"?,"(?:pipe|socket):/u);
      expect(JSON.stringify(pairs)).not.toContain(directory);
    } finally {
      await database.close();
    }
  },
);

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
