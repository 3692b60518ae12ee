/** How answers look: JSON for programs, short tables for people. */

/** One JSON value with a line break, indented: people read it too. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Columns under headings, padded with spaces; no rows make one sentence instead. */
export function toTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  empty: string,
): string {
  if (rows.length === 0) return `${empty}\n`;
  const all = [headings, ...rows].map((row) => row.map(printable));
  const widths = headings.map((_, column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0)),
  );
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

/** Text from elsewhere on one line, without what a terminal would obey. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, " ");
}

/** As `printable`, but keeps line breaks and tabs: for tracebacks. */
export function printableLines(text: string): string {
  return text
    .split("\n")
    .map((line) => line.replaceAll("\t", "    "))
    .map(printable)
    .join("\n");
}

/** A line for each field: what one thing is. */
export function fieldsText(view: object): string {
  const fields = Object.entries(view).map(([name, value]): readonly [string, string] => [
    name,
    typeof value === "string" ? printable(value) : JSON.stringify(value),
  ]);
  const width = Math.max(...fields.map(([name]) => name.length));
  return `${fields.map(([name, value]) => `${name.padEnd(width)}  ${value}`.trimEnd()).join("\n")}\n`;
}
