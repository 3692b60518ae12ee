/**
 * The handlers that run what a folder with an `analysis-tools.yml` holds, in its own calling convention: what it
 * gives and takes are lines of a key, a space and a value.
 */

/** What runs: a module of Python with its function, or a program that reads paths and writes `result.txt`. */
export type SpecPart =
  | { readonly kind: "module"; readonly module: string; readonly source: string }
  | {
      readonly kind: "program";
      readonly name: string;
      readonly content: Uint8Array;
      /** Before the name, if anything; and what comes after it. */
      readonly interpreter: string | undefined;
      readonly arguments: readonly string[];
    };

/** The source of the mapper: each record of an object to the module, or the object's path to the program. */
export function mapperSource(part: SpecPart): string {
  const head = headOf("mapper", "arguments");
  if (part.kind === "module") {
    return `${head}${moduleText(part, ["mapper", "map"])}

def map(arguments, ctx):
    yield ctx.to_return()
    for record, value in arguments:
        yield from pairs_of(CALLED(record, ctx.object, value))
`;
  }
  return `${head}${programText(part)}

def map(arguments, ctx):
    yield ctx.to_return()
    yield from run_program([path for _, path in arguments])
`;
}

/**
 * The source of the reducer. What one object gave is passed on as it is, so that it is called once for each key,
 * with the values of all objects; without a part that is all.
 */
export function reducerSource(part: SpecPart | undefined): string {
  const head = headOf("reducer", "results");
  const passes = `
def passed(results):
    for key, values in results:
        for value in values:
            yield key, value
`;
  if (part === undefined) {
    return `${head}${passes}

def reduce(results, ctx):
    yield from passed(results)
`;
  }
  const called =
    part.kind === "module"
      ? `    for key, values in results:
        text = CALLED(key, values)
        if text is not None:
            yield key, text
`
      : `    with open("mapped.txt", "w", encoding="utf-8") as written:
        for key, value in passed(results):
            written.write(f"{key} {value}\\n")
    yield from run_program([os.path.abspath("mapped.txt")])
`;
  const what = part.kind === "module" ? moduleText(part, ["reduce", "reducer"]) : programText(part);
  return `${head}${what}
${passes}

def reduce(results, ctx):
    if not ctx.invocation.endswith(".r"):
        yield from passed(results)
        return
${called}`;
}

function headOf(type: "mapper" | "reducer", argument: string): string {
  return `"""Made by jobx map --spec.
** yaml
handler_type: ${type}
argument_spec: [{ name: ${argument}, type: null }]
required_capability: none
"""
import base64
import os
import subprocess
import sys
import types


def pairs_of(text):
    for line in (text or "").splitlines():
        if line.strip():
            key, _, value = line.partition(" ")
            yield key, value

`;
}

function moduleText(
  { module, source }: Extract<SpecPart, { kind: "module" }>,
  names: readonly string[],
): string {
  const text = Buffer.from(source, "utf8").toString("base64");
  return `
MODULE = types.ModuleType(${JSON.stringify(module)})
sys.modules[MODULE.__name__] = MODULE
exec(compile(base64.b64decode("${text}"), ${JSON.stringify(`${module}.py`)}, "exec"), MODULE.__dict__)
CALLED = next(
    (found for found in (getattr(MODULE, name, None) for name in ${JSON.stringify(names)}) if callable(found)),
    None,
)
if CALLED is None:
    raise NameError(${JSON.stringify(`${module}.py has no function ${names.join(" or ")}`)})
`;
}

function programText(part: Extract<SpecPart, { kind: "program" }>): string {
  const { name, content, interpreter } = part;
  const text = Buffer.from(content).toString("base64");
  const before = interpreter === undefined ? [] : [interpreter];
  return `
PROGRAM = base64.b64decode("${text}")
BEFORE = ${JSON.stringify(before)}
ARGUMENTS = ${JSON.stringify(part.arguments)}


def run_program(paths):
    program = os.path.abspath(${JSON.stringify(name)})
    with open(program, "wb") as written:
        written.write(PROGRAM)
    os.chmod(program, 0o755)
    given = "".join(f"{path}\\n" for path in paths).encode()
    subprocess.run([*BEFORE, program, *ARGUMENTS], input=given, stdout=2, check=True)
    if os.path.exists("result.txt"):
        with open("result.txt", encoding="utf-8") as result:
            yield from pairs_of(result.read())
`;
}
