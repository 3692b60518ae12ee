/**
 * Finds the line on which a generator waits. The language has no way to ask; the inspector has
 * one. It costs milliseconds, so it is only asked after a fault.
 */
import { Session } from "node:inspector";
import { fileURLToPath } from "node:url";
import type { Fault } from "./javascript-fault.ts";

/** The inspector looks for the generator here. */
const NAME = "jobx.generator";

/** Writes the line into the fault's stack, if `generator` is one and waits at a yield. */
export function tellPlace(fault: Fault, generator: object): void {
  const place = placeOf(generator);
  if (place === undefined) return;
  fault.stack = `${fault.code}: ${fault.message}\n    at ${place}`;
}

function placeOf(generator: object): string | undefined {
  const session = new Session();
  const urls = new Map<string, string>();
  session.on("Debugger.scriptParsed", ({ params }) => urls.set(params.scriptId, params.url));
  Reflect.set(globalThis, NAME, generator);
  try {
    session.connect();
    // All of these answer before `post` returns: the session is one of this thread.
    session.post("Debugger.enable");
    let found: string | undefined;
    const expression = `globalThis[${JSON.stringify(NAME)}]`;
    session.post("Runtime.evaluate", { expression }, (_error, answer) => {
      const { objectId } = answer.result;
      if (objectId === undefined) return;
      session.post("Runtime.getProperties", { objectId }, (_failed, { internalProperties }) => {
        const property = internalProperties?.find(({ name }) => name === "[[GeneratorLocation]]");
        found = placeText(property?.value?.value, urls);
      });
    });
    return found;
  } catch {
    // An inspector that cannot be had must not hide the fault.
    return undefined;
  } finally {
    session.disconnect();
    Reflect.deleteProperty(globalThis, NAME);
  }
}

function placeText(location: unknown, urls: ReadonlyMap<string, string>): string | undefined {
  if (typeof location !== "object" || location === null) return undefined;
  const { scriptId, lineNumber, columnNumber }: Readonly<Record<string, unknown>> = { ...location };
  if (typeof lineNumber !== "number" || typeof columnNumber !== "number") return undefined;
  const url = urls.get(String(scriptId)) ?? "";
  // The inspector counts from zero; people and stacks do from one.
  const file = url.startsWith("file:") ? fileURLToPath(url) : url;
  return `${file}:${lineNumber + 1}:${columnNumber + 1}`;
}
