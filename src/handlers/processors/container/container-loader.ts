/** Has the worker of JavaScript make its handlers of descriptions of containers. */
import { parseSettings } from "../../../containers/settings.ts";
import { type ContainerHandler, readContainerHandler } from "../../../wire/handler-metadata.ts";
import { type HandlerFunction, loadBy } from "../javascript/javascript-load.ts";
import { gather } from "./gather.ts";
import { runTimes } from "./run-times.ts";

const settings = parseSettings(process.argv[2] ?? "null");

function handlerOf(handler: ContainerHandler): HandlerFunction {
  switch (handler.kind) {
    case "gather":
      return gather;
    case "run":
      return runTimes(handler.definition, settings);
  }
}

loadBy((source, file) => {
  const parseYaml = (text: string): { readonly kind: "value"; readonly value: unknown } => ({
    kind: "value",
    value: JSON.parse(text),
  });
  return handlerOf(readContainerHandler(source, { file, parseYaml }).handler);
});
