/** One of several: as tiles, as a drop-down list, as a box to tick. */
import { h, setText } from "../shared/dom";
import type { Field } from "../form/schema";
import { Frame, GroupFrame, type Control, type Option } from "./control";

export class SelectControl implements Control {
  readonly field: Field;
  readonly element: HTMLElement;
  #select = h("select", { class: "cds--select-input cds--select-input--md" });
  #frame: Frame;
  #listed = "";
  /** Asked for before it was in the list. */
  #wanted: string | null = null;

  constructor(field: Field, options: Option[]) {
    this.field = field;
    const wrapper = h("div", { class: "cds--select-input__wrapper" }, this.#select);
    this.#frame = new Frame(field, this.#select, wrapper, false);
    this.#frame.element.classList.add("cds--select");
    this.element = this.#frame.element;
    this.setOptions(options);
    this.value = field.initial;
    this.#select.addEventListener("change", () => (this.#wanted = null));
  }

  /** Keeps what was chosen, if it is still there; leaves a list alone that has not changed, for it may be open. */
  setOptions(options: Option[]): void {
    const listed = JSON.stringify(options);
    if (listed === this.#listed) return;
    this.#listed = listed;
    const chosen = this.#wanted ?? this.#select.value;
    this.#select.replaceChildren(
      ...options.map(({ value, label, disabled }) =>
        h("option", { value, disabled: disabled ?? false, class: "cds--select-option" }, label),
      ),
    );
    this.#select.value = options.some((option) => option.value === chosen) ? chosen : (options[0]?.value ?? "");
  }

  get value(): string {
    return this.#select.value;
  }

  set value(value: string) {
    const listed = [...this.#select.options].some((option) => option.value === value);
    this.#wanted = listed ? null : value;
    if (listed) this.#select.value = value;
  }

  setError(message: string | null): void {
    this.#frame.setError(message);
  }

  focus(): void {
    this.#select.focus();
  }
}

export class RadioControl implements Control {
  readonly field: Field;
  readonly element: HTMLFieldSetElement;
  #inputs = new Map<string, HTMLInputElement>();
  #notes = new Map<string, HTMLElement>();
  #frame: GroupFrame;

  constructor(field: Field, options: Option[]) {
    this.field = field;
    const id = `field-${field.name}`;
    const tiles = options.map((option, at) => {
      const note = h("span", { class: "choice__note", id: `${id}-${at}-note` }, option.note);
      const input = h("input", {
        type: "radio",
        class: "choice__input",
        name: field.name,
        value: option.value,
        "aria-describedby": note.id,
        "data-testid": `${id}-${option.value}`,
      });
      this.#inputs.set(option.value, input);
      this.#notes.set(option.value, note);
      return h(
        "label",
        { class: "choice" },
        input,
        h("span", { class: "choice__dot", "aria-hidden": "true" }),
        h("span", { class: "choice__label" }, option.label),
        note,
      );
    });
    this.#frame = new GroupFrame(field, h("div", { class: "choices" }, ...tiles));
    this.element = this.#frame.element;
    this.value = field.initial;
  }

  setNote(value: string, note: string): void {
    const element = this.#notes.get(value);
    if (element) setText(element, note);
  }

  get value(): string {
    for (const [value, input] of this.#inputs) if (input.checked) return value;
    return "";
  }

  set value(value: string) {
    const input = this.#inputs.get(value);
    if (input) input.checked = true;
  }

  setError(message: string | null): void {
    this.#frame.setError(message);
  }

  focus(): void {
    (this.#inputs.get(this.value) ?? [...this.#inputs.values()][0])?.focus();
  }
}

export class SwitchControl implements Control {
  readonly field: Field;
  readonly element: HTMLElement;
  #input = h("input", { type: "checkbox", class: "switch" });
  #frame: Frame;

  constructor(field: Field) {
    this.field = field;
    this.#frame = new Frame(field, this.#input, h("div", {}, this.#input), true);
    this.#input.removeAttribute("required"); // "false" is an answer too.
    this.element = this.#frame.element;
    this.value = field.initial;
  }

  get value(): string {
    return String(this.#input.checked);
  }

  set value(value: string) {
    this.#input.checked = value === "true";
  }

  setError(message: string | null): void {
    this.#frame.setError(message);
  }

  focus(): void {
    this.#input.focus();
  }
}
