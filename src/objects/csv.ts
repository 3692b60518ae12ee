/** Fields between commas, as RFC 4180 has them: quoted ones may hold commas, quotes twice, and ends of lines. */

/** Takes text in pieces and gives rows. */
export class CsvReader {
  #field = "";
  #row: string[] = [];
  /** `start` of a field, in a plain or `quoted` one, or after the `closing` quote of one. */
  #state: "start" | "plain" | "quoted" | "closing" = "start";
  #skipNewline = false;

  /** Characters of the row that is not whole yet. */
  get heldLength(): number {
    return this.#row.reduce((sum, field) => sum + field.length, this.#field.length);
  }

  /** Rows that are whole with this. */
  take(text: string): string[][] {
    const rows: string[][] = [];
    for (const character of text) this.#next(character, rows);
    return rows;
  }

  /** The row that no end of line follows, if any. */
  end(): string[][] {
    const rows: string[][] = [];
    if (this.#state !== "start" || this.#row.length > 0) this.#endRow(rows);
    return rows;
  }

  #next(character: string, rows: string[][]): void {
    const isAfterReturn = this.#skipNewline;
    this.#skipNewline = false;
    if (isAfterReturn && character === "\n") return;
    if (this.#state === "quoted") {
      if (character === '"') this.#state = "closing";
      else this.#field += character;
      return;
    }
    if (character === '"' && this.#state === "closing") {
      this.#field += character;
      this.#state = "quoted";
    } else if (character === '"' && this.#state === "start") {
      this.#state = "quoted";
    } else if (character === ",") {
      this.#row.push(this.#field);
      this.#field = "";
      this.#state = "start";
    } else if (character === "\n" || character === "\r") {
      this.#skipNewline = character === "\r";
      const isEmpty = this.#state === "start" && this.#row.length === 0;
      if (!isEmpty) this.#endRow(rows);
    } else {
      this.#field += character;
      this.#state = "plain";
    }
  }

  #endRow(rows: string[][]): void {
    rows.push([...this.#row, this.#field]);
    this.#row = [];
    this.#field = "";
    this.#state = "start";
  }
}
