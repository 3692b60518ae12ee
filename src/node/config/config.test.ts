import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { isJobxError } from "../../std/errors.ts";
import { type NodeConfig, readConfig, type Settings } from "./config.ts";
import { OPTIONS, optionNames } from "./options.ts";
import { settingsJson, settingsText } from "./print.ts";

const folder = mkdtempSync(join(tmpdir(), "jobx-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function fileWith(text: string): string {
  files += 1;
  const path = join(folder, `${files}.yaml`);
  writeFileSync(path, text);
  return path;
}

/** A data directory without a file in it: the tests do not read the one of whoever runs them. */
const DATA = ["--data", folder];

function configOf(args: readonly string[], environment: Record<string, string> = {}): NodeConfig {
  const asked = readConfig([...DATA, ...args], environment);
  if (asked.kind !== "run") throw new Error(`asked for ${asked.kind}`);
  return asked.config;
}

function settingsOf(args: readonly string[], environment: Record<string, string> = {}): Settings {
  const asked = readConfig([...args, "--print-config"], environment);
  if (asked.kind !== "print") throw new Error(`asked for ${asked.kind}`);
  return asked.settings;
}

/** So many different capabilities. */
const labels = (count: number): string => Array.from({ length: count }, (_, at) => `l${at}`).join();

/** Code and message of what is refused. */
function refusal(args: readonly string[], environment: Record<string, string> = {}): string {
  try {
    readConfig(args, environment);
  } catch (error) {
    if (isJobxError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
  throw new Error("nothing was refused");
}

test("slots share the machine's memory unless somebody says what an attempt may use", () => {
  const [one = 0, three = 0] = ["1", "3"].map(
    (slots) => configOf(["--slots", slots]).handlerMemoryBytes,
  );
  expect(one).toBeGreaterThan(0);
  expect(three).toBeLessThan(one);
  expect(configOf(["--handler-memory", "1.5GiB"]).handlerMemoryBytes).toBe(1.5 * 2 ** 30);
  expect(configOf(["--handler-memory", "none"]).handlerMemoryBytes).toBeUndefined();
});

test("engines are those that are named, else those of DOCKER_HOST, else the usual ones", () => {
  const engines = (args: readonly string[], environment: Record<string, string> = {}) =>
    configOf(args, environment).containers.engines;
  const host = { DOCKER_HOST: "tcp://127.0.0.1:99" };
  expect(engines(["--container-engine", "/run/a"], host)).toEqual(["unix:///run/a"]);
  expect(engines([], host)).toEqual(["tcp://127.0.0.1:99"]);
  expect(engines([])).toContain("unix:///var/run/docker.sock");
  expect(engines(["--container-engine", "none"], host)).toEqual([]);
  // What only docker's own command understands does not keep a node from starting.
  expect(engines([], { DOCKER_HOST: "ssh://elsewhere" })).toEqual([]);
  expect(refusal(["--container-engine", "http://a"])).toContain("CONFIG_INVALID");
});

test("what containers may be shown are absolute paths", () => {
  const { paths } = configOf(["--container-paths", "/data, /srv/in/"]).containers;
  expect(paths).toEqual(["/data", "/srv/in"]);
  expect(refusal(["--container-paths", "data"])).toContain("absolute paths without a colon");
  expect(refusal(["--container-paths", "/a:/b"])).toContain("absolute paths without a colon");
});

describe("precedence", () => {
  test("a flag beats its variable, a variable the file, the file the default", () => {
    const file = fileWith("slots: 3\nname: from-file\nlog-level: debug\ndrain-timeout: 2m\n");
    const variables = { JOBX_SLOTS: "5", JOBX_NAME: "from-variable" };
    const config = configOf(["--config", file, "--slots", "7"], variables);
    expect(config.slots).toBe(7);
    expect(config.name).toBe("from-variable");
    expect(config.logLevel).toBe("debug");
    expect(config.drainMs).toBe(120_000);
    expect(config.api).toEqual({ host: "127.0.0.1", port: 7070 });
    expect(config.durability).toBe("sync");
  });

  test("every option may come from flag, variable and file, and each place is named", () => {
    const value: Readonly<Record<string, string>> = {
      data: folder,
      listen: "/ip4/127.0.0.1/tcp/1",
      advertise: "/dns4/a.example/tcp/1",
      api: "127.0.0.1:1",
      slots: "1",
      "container-engine": "/run/engine.sock",
      "container-paths": "/data",
      "handler-memory": "1GiB",
      "log-level": "warn",
      "drain-timeout": "1",
      "retention-age": "60",
      "retention-bytes": "1000",
      "block-grace": "60",
      "heal-rate": "5MiB",
      "object-cache": "1GiB",
      durability: "none",
    };
    const of = (name: string): string => value[name] ?? "abc";
    const flags = optionNames().flatMap((name) => [`--${name}`, of(name)]);
    const variables = Object.fromEntries(
      optionNames().map((name) => [OPTIONS[name].variable, of(name)]),
    );
    const file = fileWith(
      optionNames()
        .map((name) => `${name}: "${of(name)}"\n`)
        .join(""),
    );
    const byFlag = settingsOf(flags);
    const byVariable = settingsOf([], variables);
    const byFile = settingsOf(["--config", file]);
    optionNames().forEach((name, at) => {
      expect(byFlag[name]).toEqual({ text: of(name), source: `--${name}` });
      expect(byVariable[name]).toEqual({ text: of(name), source: OPTIONS[name].variable });
      expect(byFile[name]).toEqual({ text: of(name), source: `${file}:${at + 1}` });
    });
  });

  test("JOBX_CONFIG names the file, and --config beats it", () => {
    const one = fileWith("slots: 1");
    const two = fileWith("slots: 2");
    expect(configOf([], { JOBX_CONFIG: one }).slots).toBe(1);
    expect(configOf(["--config", two], { JOBX_CONFIG: one }).slots).toBe(2);
  });

  test("the file in the data directory is read when it is there, and cannot name that directory", () => {
    const data = mkdtempSync(join(folder, "data-"));
    const args = ["--data", data];
    expect(settingsOf(args).slots.source).toBe("default");
    const path = join(data, "jobx-node.yaml");
    writeFileSync(path, "slots: 9\n");
    expect(settingsOf(args).slots).toEqual({ text: "9", source: `${path}:1` });
    writeFileSync(path, "data: /elsewhere\n");
    expect(refusal(args)).toMatch(/^CONFIG_INVALID: .*jobx-node\.yaml:1: expected another place/);
  });

  test("a relative data directory in a file is meant from the file's folder", () => {
    const file = fileWith("data: below\n");
    expect(settingsOf(["--config", file]).data.text).toBe(join(folder, "below"));
  });

  test("lists of a file and comma-separated lists are the same", () => {
    const file = fileWith("capabilities: [GPU, docker]\nlisten: []\n");
    const config = configOf(["--config", file]);
    expect(config.capabilities).toEqual(["gpu", "docker"]);
    expect(config.listen).toEqual([]);
    expect(configOf(["--capabilities", "GPU, docker"]).capabilities).toEqual(["gpu", "docker"]);
  });
});

test("a node may offer all that a handler may require, each label once", () => {
  const longest = "a".repeat(64);
  expect(configOf(["--capabilities", `0,A_b.c-d,${longest},gpu,GPU`]).capabilities).toEqual([
    "0",
    "a_b.c-d",
    longest,
    "gpu",
  ]);
  expect(configOf(["--capabilities", labels(256)]).capabilities).toHaveLength(256);
});

describe("what is wrong is refused with its place and a suggestion", () => {
  test.for([
    [
      ["--slotz", "3"],
      "CONFIG_KEY_UNKNOWN: --slotz: there is no option slotz; did you mean slots?",
    ],
    [["--handler-memory", "1GB"], "CONFIG_INVALID: --handler-memory: expected bytes, or a number"],
    [["--handler-memory", "0"], "CONFIG_INVALID: --handler-memory: expected bytes, or a number"],
    [["--slots", "-1"], "CONFIG_INVALID: --slots: expected a value"],
    [["--slots", "many"], "CONFIG_INVALID: --slots: expected a whole number from 0 to 4096"],
    [["--slots", "1e3"], "CONFIG_INVALID: --slots: expected a whole number from 0 to 4096"],
    [["--slots", ""], "CONFIG_INVALID: --slots: expected a whole number from 0 to 4096"],
    [["--api", "7070"], "CONFIG_INVALID: --api: expected HOST:PORT"],
    [["--api", "a:70700"], "CONFIG_INVALID: --api: expected HOST:PORT"],
    [["--listen", "1.2.3.4:7"], "CONFIG_INVALID: --listen: expected multiaddrs such as"],
    [
      ["--log-level", "ware"],
      "CONFIG_INVALID: --log-level: expected one of error, warn, info, debug; did you mean warn?",
    ],
    [
      ["--durability", "synk"],
      "CONFIG_INVALID: --durability: expected one of sync, none; did you mean sync?",
    ],
    [["--drain-timeout", "25h"], "CONFIG_INVALID: --drain-timeout: expected seconds"],
    [["--capabilities", "a".repeat(65)], "CONFIG_INVALID: --capabilities: expected labels: each a"],
    [["--capabilities", "gpu,a b"], "CONFIG_INVALID: --capabilities: expected labels: each a"],
    [["--capabilities", "x/y"], "CONFIG_INVALID: --capabilities: expected labels: each a"],
    [["--capabilities", "\u00e9"], "CONFIG_INVALID: --capabilities: expected labels: each a"],
    [
      ["--capabilities", labels(257)],
      "CONFIG_INVALID: --capabilities: expected at most 256 labels",
    ],
    [["--name", "a b"], "CONFIG_INVALID: --name: expected letters"],
    [["word"], "CONFIG_INVALID: flags: expected flags only"],
    [["--help=yes"], "CONFIG_INVALID: --help: expected no value"],
    [["--config", "/nowhere/at/all"], "CONFIG_FILE_UNREADABLE: cannot read the configuration"],
  ] as const)("%s", ([args, start]) => {
    expect(refusal([...DATA, ...args]).slice(0, start.length)).toBe(start);
  });

  test("a variable that looks like one of ours is refused, others are not ours", () => {
    const hint = "did you mean JOBX_SLOTS?";
    expect(refusal(DATA, { JOBX_SLOT: "3" })).toBe(
      `CONFIG_KEY_UNKNOWN: JOBX_SLOT: there is no option JOBX_SLOT; ${hint}`,
    );
    const others = { JOBX_TOKEN: "x", JOBX_API: "x", JOBX_CLUSTER_DIR: "x", OTHER: "x" };
    expect(configOf([], others).slots).toBeGreaterThan(0);
  });

  test.for([
    ["slotz: 3\n", "CONFIG_KEY_UNKNOWN", ":1: there is no option slotz; did you mean slots?"],
    ["\nslots: many\n", "CONFIG_INVALID", ":2: expected a whole number"],
    ["slots: [1]\n", "CONFIG_INVALID", ":1: slots: expected one value, found a list"],
    ["slots: {a: 1}\n", "CONFIG_INVALID", ":1: slots: expected a value"],
    ["slots:\n", "CONFIG_INVALID", ":1: slots: expected a text or a number"],
    ["listen: [1]\n", "CONFIG_INVALID", ":1: listen: expected a list of texts"],
    [
      'listen: ["/a,/b"]\n',
      "CONFIG_INVALID",
      ":1: listen: expected a list of texts without commas",
    ],
    ["- slots\n", "CONFIG_FILE_INVALID", ":1: the configuration cannot be read: expected options"],
    [
      "slots: 1\nslots: 2\n",
      "CONFIG_FILE_INVALID",
      ":2: the configuration cannot be read: Map keys",
    ],
    ["a: 'b\n", "CONFIG_FILE_INVALID", "the configuration cannot be read"],
  ] as const)("a file with %j", ([text, code, part]) => {
    const message = refusal(["--config", fileWith(text)]);
    expect(message.startsWith(`${code}: `), message).toBe(true);
    expect(message).toContain(part);
  });
});

test("a configuration that is no regular file, or is larger than it says, is refused and not waited for", () => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  for (const path of [pipe, folder, "/dev/zero", "/dev/null"]) {
    const message = refusal(["--config", path]);
    expect(message).toContain(`CONFIG_FILE_UNREADABLE: cannot read the configuration ${path}`);
    expect(message).toContain("it is no file");
  }
  expect(refusal(["--config", fileWith("#".repeat(16 * 1024 + 1))])).toContain("larger than 16384");
  expect(configOf(["--config", fileWith(`slots: 3\n${"#".repeat(16 * 1024 - 9)}`)]).slots).toBe(3);
  // Its size is said to be 0.
  expect(refusal(["--config", "/proc/kallsyms"])).toContain("larger than 16384");
});

test("a ticket is never shown: not by --print-config, not by an error about it", () => {
  const secret = "jobx1-c2VjcmV0";
  const settings = settingsOf([...DATA, "--join", secret], {});
  expect(settingsText(settings)).toMatch(/^join +\(given, not shown\) +--join$/m);
  expect(settingsJson(settings)).not.toContain(secret);
  const mistakes = [["--join", secret, secret], [`--help=${secret}`], ["--slots", secret]];
  for (const args of mistakes) expect(refusal([...DATA, ...args])).not.toContain(secret);
});

test("a ticket given as a flag is warned of, in a file or a variable it is not", () => {
  const warnings = (args: readonly string[], environment = {}): readonly string[] => {
    const asked = readConfig([...DATA, ...args], environment);
    return asked.kind === "run" ? asked.warnings : [];
  };
  const [warning = "", ...more] = warnings(["--join", "jobx1-abcdef"]);
  expect(warning).toContain("--join @FILE");
  expect([warning, ...more].join()).not.toContain("abcdef");
  expect(warnings(["--join", "@ticket"])).toEqual([]);
  expect(warnings([], { JOBX_JOIN: "jobx1-abcdef" })).toEqual([]);
  expect(warnings([])).toEqual([]);
});

test("a ticket's file is shown by its name, and in a file of options is meant from that file's folder", () => {
  expect(settingsText(settingsOf([...DATA, "--join", "@t"], {}))).toMatch(/^join +@t +--join$/m);
  const file = join(folder, "options.yaml");
  writeFileSync(file, 'join: "@secrets/ticket"\n');
  const { join: given } = settingsOf([...DATA, "--config", file], {});
  expect(given.text).toBe(`@${join(folder, "secrets/ticket")}`);
});

test("--print-config shows each option once, and as JSON with lists as lists", () => {
  const settings = settingsOf([...DATA, "--capabilities", "a,b"]);
  const lines = settingsText(settings).trimEnd().split("\n");
  expect(lines).toHaveLength(1 + optionNames().length);
  expect(lines).toContainEqual(expect.stringMatching(/^capabilities +a,b +--capabilities$/));
  const json: unknown = JSON.parse(settingsJson(settings));
  expect(json).toMatchObject({
    capabilities: { value: ["a", "b"], source: "--capabilities" },
    durability: { value: "sync", source: "default" },
    join: { value: "", source: "default" },
  });
});

test("help names every flag with its variable", () => {
  const asked = readConfig(["-h"], {});
  if (asked.kind !== "help") throw new Error(`asked for ${asked.kind}`);
  for (const name of optionNames()) {
    expect(asked.text).toContain(`--${name} `);
    expect(asked.text).toContain(`[${OPTIONS[name].variable}]`);
  }
  expect(readConfig(["--version"], {}).kind).toBe("version");
});
