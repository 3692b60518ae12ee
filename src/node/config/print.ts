/** What `--print-config` shows: every option, its value, and who gave it. */
import { list, type Settings } from "./config.ts";
import { type OptionName, optionNames, optionSpec, TICKET_FILE_MARK } from "./options.ts";

/** Stands for a secret that is there. */
const SECRET_SHOWN = "(given, not shown)";

/** A table for people. */
export function settingsText(settings: Settings): string {
  const rows = [
    ["OPTION", "VALUE", "FROM"],
    ...optionNames().map((name) => [name, shownText(name, settings), settings[name].source]),
  ];
  const width = (column: number): number =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const widths = [width(0), width(1)];
  return rows
    .map((row) => `${row.map((text, at) => text.padEnd(widths[at] ?? 0)).join("  ")}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}

/** The same for programs; lists are lists. */
export function settingsJson(settings: Settings): string {
  const entries = optionNames().map((name) => {
    const { text, source } = settings[name];
    const shown = shownText(name, settings);
    const value = optionSpec(name).list === true ? list(text) : shown;
    return [name, { value, source }] as const;
  });
  return `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
}

function shownText(name: OptionName, settings: Settings): string {
  const { text } = settings[name];
  const isSecret = optionSpec(name).secret === true && !text.startsWith(TICKET_FILE_MARK);
  return isSecret && text !== "" ? SECRET_SHOWN : text;
}
