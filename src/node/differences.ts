/** What differs between two sets of definitions, field by field, for people who look before they apply. Pure. */
import type { DefinitionDifference } from "../api/ports.ts";
import type { HandlerDefinition, Retention } from "../scheduler/rows.ts";
import type { Definitions } from "./entities.ts";

/** Definitions with what is said of their workflow. */
export interface Described extends Definitions {
  readonly description: string;
  readonly retention: Retention | undefined;
  readonly weight: number;
}

type Value = string | number | null;
type Fields = Readonly<Record<string, Value>>;

/** In the order of the file: workflow, handlers, steps, jobs. */
export function differencesOf(
  before: Described,
  after: Described,
  about: { readonly workflow: string; readonly created: boolean },
): readonly DefinitionDifference[] {
  const { workflow: name, created } = about;
  return [
    ...compareOne({
      entity: "workflow",
      name,
      before: created ? undefined : workflowFields(before),
      after: workflowFields(after),
    }),
    ...compareAll("handler", before.handlers.map(handlerFields), after.handlers.map(handlerFields)),
    ...compareAll("step", before.steps.map(namedFields), after.steps.map(namedFields)),
    ...compareAll("job", before.jobs.map(namedFields), after.jobs.map(namedFields)),
  ];
}

function workflowFields({ description, retention, weight }: Described): Fields {
  const { ageMs = null, bytes = null } = retention ?? {};
  return { description, retentionMs: ageMs, retentionBytes: bytes, weight };
}

type Named = readonly [name: string, fields: Fields];

function handlerFields({ handler, capability, description, ...limits }: HandlerDefinition): Named {
  const { name, version, type, language } = handler;
  const { retries = null, timeoutMs = null } = limits;
  const requiredCapability = capability;
  return [name, { version, type, language, requiredCapability, retries, timeoutMs, description }];
}

function namedFields(item: { readonly name: string }): Named {
  const { name, ...fields } = item;
  const flat = Object.entries(fields).map(([key, value]) => [key, toValue(value)] as const);
  return [name, Object.fromEntries(flat)];
}

/** Fields of steps and jobs are texts, numbers, or absent. */
function toValue(value: unknown): Value {
  return typeof value === "string" || typeof value === "number" ? value : null;
}

function compareAll(
  entity: DefinitionDifference["entity"],
  before: readonly Named[],
  after: readonly Named[],
): readonly DefinitionDifference[] {
  const old = new Map(before);
  const next = new Map(after);
  const names = [...new Set([...next.keys(), ...old.keys()])];
  return names.flatMap((name) =>
    compareOne({ entity, name, before: old.get(name), after: next.get(name) }),
  );
}

function compareOne(input: {
  readonly entity: DefinitionDifference["entity"];
  readonly name: string;
  readonly before: Fields | undefined;
  readonly after: Fields | undefined;
}): readonly DefinitionDifference[] {
  const { entity, name, before, after } = input;
  if (before === undefined) return [{ entity, name, change: "added", fields: {} }];
  if (after === undefined) return [{ entity, name, change: "removed", fields: {} }];
  const changed = Object.keys({ ...before, ...after }).flatMap((field) => {
    const was = before[field] ?? null;
    const is = after[field] ?? null;
    return was === is ? [] : [[field, { before: was, after: is }] as const];
  });
  if (changed.length === 0) return [];
  return [{ entity, name, change: "changed", fields: Object.fromEntries(changed) }];
}
