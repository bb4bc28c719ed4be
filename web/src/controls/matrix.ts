/** A list of lists of numbers as a table whose size can be set, and into which a copied table can be pasted. */
import { h } from "../shared/dom";
import { toNumber } from "../form/input";
import { itemSchema } from "../form/resolution";
import type { Field } from "../form/schema";
import { changed, GroupFrame, type Control } from "./control";

/** Rows and columns where the schema sets no bound. */
const MOST = 32;

export class MatrixControl implements Control {
  readonly field: Field;
  readonly element: HTMLElement;
  #body = h("tbody", {});
  #rows: HTMLInputElement;
  #columns: HTMLInputElement;
  #frame: GroupFrame;

  constructor(field: Field) {
    this.field = field;
    const row = itemSchema(field.schema, 0, field.root);
    this.#rows = this.#size("Rows", field.schema.minItems, field.schema.maxItems);
    this.#columns = this.#size("Columns", row.minItems, row.maxItems);
    const sizes = h(
      "div",
      { class: "matrix__sizes" },
      h("label", { class: "matrix__size" }, "Rows ", this.#rows),
      h("label", { class: "matrix__size" }, "Columns ", this.#columns),
    );
    const table = h(
      "table",
      { class: "rows__table matrix__table" },
      h("caption", { class: "visually-hidden" }, field.label),
      this.#body,
    );
    this.#frame = new GroupFrame(field, sizes, h("div", { class: "table-scroll" }, table));
    this.element = this.#frame.element;
    this.element.addEventListener("paste", (event) => this.#paste(event));
    this.value = field.initial;
  }

  get value(): string {
    return JSON.stringify(
      [...this.#body.rows].map((row) =>
        [...row.querySelectorAll("input")].map(({ value }) => toNumber(value) ?? value),
      ),
    );
  }

  set value(value: string) {
    let rows: unknown = [];
    try {
      rows = JSON.parse(value || "[]");
    } catch {
      // A link that was cut: nothing is better than a part.
    }
    this.#fill((Array.isArray(rows) ? rows : []).filter(Array.isArray).map((row) => row.map(String)));
  }

  setError(message: string | null): void {
    this.#frame.setError(message);
  }

  focus(): void {
    (this.#body.querySelector("input") ?? this.#rows).focus();
  }

  #size(name: string, least = 0, most = MOST): HTMLInputElement {
    const input = h("input", {
      class: "cell cell--size",
      type: "number",
      min: least,
      max: most,
      step: 1,
      "data-testid": `${this.field.name}-${name.toLowerCase()}`,
    });
    input.addEventListener("change", (event) => {
      event.stopPropagation();
      const wanted = (one: HTMLInputElement): number =>
        Math.max(Number(one.min), Math.min(Number(one.max), Math.round(Number(one.value) || 0)));
      const rows = this.#texts();
      this.#fill(
        Array.from({ length: wanted(this.#rows) }, (_, i) =>
          Array.from({ length: wanted(this.#columns) }, (_, j) => rows[i]?.[j] ?? "0"),
        ),
      );
      changed(this.element);
    });
    return input;
  }

  #texts(): string[][] {
    return [...this.#body.rows].map((row) => [...row.querySelectorAll("input")].map(({ value }) => value));
  }

  #fill(rows: string[][]): void {
    const width = Math.max(0, ...rows.map((row) => row.length));
    this.#rows.value = String(rows.length);
    this.#columns.value = String(width);
    this.#body.replaceChildren(
      ...rows.map((row, i) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, i + 1),
          ...row.map((value, j) =>
            h(
              "td",
              {},
              h("input", {
                class: "cell",
                type: "text",
                inputmode: "decimal",
                autocomplete: "off",
                "aria-label": `Row ${i + 1}, column ${j + 1}`,
                value,
              }),
            ),
          ),
        ),
      ),
    );
  }

  /** A table copied from elsewhere fills the cells from the one it is pasted into. */
  #paste(event: ClipboardEvent): void {
    const lines = (event.clipboardData?.getData("text") ?? "")
      .trim()
      .split(/\r?\n/)
      .map((line) => line.trim().split(/[\t,; ]+/));
    const cell = (event.target as Element).closest("td");
    if (!cell || (lines.length === 1 && lines[0]!.length === 1)) return;
    event.preventDefault();
    const top = (cell.parentElement as HTMLTableRowElement).sectionRowIndex;
    const left = cell.cellIndex - 1;
    const before = this.#texts();
    const height = Math.min(Number(this.#rows.max), Math.max(before.length, top + lines.length));
    const width = Math.min(
      Number(this.#columns.max),
      Math.max(...before.map((row) => row.length), ...lines.map((line) => left + line.length)),
    );
    this.#fill(
      Array.from({ length: height }, (_, i) =>
        Array.from({ length: width }, (_, j) => lines[i - top]?.[j - left] ?? before[i]?.[j] ?? "0"),
      ),
    );
    changed(this.element);
  }
}
