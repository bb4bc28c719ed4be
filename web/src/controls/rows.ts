/** A list of short records as a table: the edges of a graph, the terms of an operator. */
import { h } from "../shared/dom";
import { toNumber } from "../form/input";
import type { Field } from "../form/schema";
import { changed, GroupFrame, type Control } from "./control";

export interface Column {
  label: string;
  numeric: boolean;
  /** What a new row has here. */
  fresh: string;
  wide?: boolean;
}

export interface RowsOptions {
  /** What one row is called. */
  row: string;
  columns: Column[];
  /** Draws the value as it stands now. */
  preview?: (rows: unknown[][]) => Node | null;
}

export class RowsControl implements Control {
  readonly field: Field;
  readonly element: HTMLElement;
  #options: RowsOptions;
  #body = h("tbody", {});
  #preview = h("div", { class: "rows__preview" });
  #frame: GroupFrame;

  constructor(field: Field, options: RowsOptions) {
    this.field = field;
    this.#options = options;
    const add = h(
      "button",
      { type: "button", class: "text-button", "data-testid": `add-${field.name}`, click: () => this.#add() },
      `Add ${options.row}`,
    );
    const head = h(
      "tr",
      {},
      ...options.columns.map(({ label }) => h("th", { scope: "col" }, label)),
      h("th", { scope: "col" }, h("span", { class: "visually-hidden" }, "Remove")),
    );
    const table = h(
      "table",
      { class: "rows__table" },
      h("caption", { class: "visually-hidden" }, field.label),
      h("thead", {}, head),
      this.#body,
    );
    this.#frame = new GroupFrame(
      field,
      h(
        "div",
        { class: `rows${options.preview ? " rows--drawn" : ""}` },
        h("div", {}, table, add),
        options.preview ? this.#preview : h("span", { hidden: true }),
      ),
    );
    this.element = this.#frame.element;
    this.element.addEventListener("input", () => this.#draw());
    this.value = field.initial;
  }

  get value(): string {
    return JSON.stringify(this.#rows());
  }

  set value(value: string) {
    let rows: unknown = [];
    try {
      rows = JSON.parse(value || "[]");
    } catch {
      // A link that was cut: nothing is better than a part.
    }
    this.#body.replaceChildren();
    for (const row of Array.isArray(rows) ? rows : []) if (Array.isArray(row)) this.#append(row.map(String));
    this.#number();
    this.#draw();
  }

  setError(message: string | null): void {
    this.#frame.setError(message);
  }

  focus(): void {
    (this.element.querySelector("input") ?? this.element.querySelector("button"))?.focus();
  }

  #rows(): unknown[][] {
    return [...this.#body.rows].map((row) =>
      [...row.querySelectorAll("input")].map((input, at) =>
        this.#options.columns[at]!.numeric ? (toNumber(input.value) ?? input.value) : input.value.trim(),
      ),
    );
  }

  #add(): void {
    this.#append(this.#options.columns.map(({ fresh }) => fresh));
    this.#number();
    this.#draw();
    this.#body.lastElementChild?.querySelector("input")?.focus();
    changed(this.element);
  }

  #append(values: string[]): void {
    const { columns } = this.#options;
    const inputs = columns.map(({ numeric, fresh, wide }, at) =>
      h(
        "td",
        { class: wide ? "rows__wide" : null },
        h("input", {
          class: "cell",
          type: "text",
          inputmode: numeric ? "decimal" : "text",
          autocomplete: "off",
          spellcheck: "false",
          autocapitalize: "off",
          value: values[at] ?? fresh,
        }),
      ),
    );
    const row = h(
      "tr",
      {},
      ...inputs,
      h(
        "td",
        {},
        h(
          "button",
          { type: "button", class: "icon-button", click: () => this.#remove(row) },
          h("span", { "aria-hidden": "true" }, "×"),
        ),
      ),
    );
    this.#body.append(row);
  }

  #remove(row: HTMLTableRowElement): void {
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("button");
    row.remove();
    this.#number();
    this.#draw();
    (next ?? this.element.querySelector<HTMLElement>(".text-button"))?.focus();
    changed(this.element);
  }

  /** Names every cell for assistive technology, again after each change of the rows. */
  #number(): void {
    const { row: name, columns } = this.#options;
    [...this.#body.rows].forEach((row, index) => {
      row
        .querySelectorAll("input")
        .forEach((input, at) =>
          input.setAttribute("aria-label", `${name} ${index + 1}, ${columns[at]!.label.toLowerCase()}`),
        );
      row.querySelector("button")!.setAttribute("aria-label", `Remove ${name} ${index + 1}`);
    });
  }

  #draw(): void {
    const drawn = this.#options.preview?.(this.#rows());
    this.#preview.replaceChildren(...(drawn ? [drawn] : []));
  }
}
