/**
 * The controls of a form: native inputs in Carbon's dress. Native, because their labels, hints and errors are
 * then tied together in one document for assistive technology, and need no inline style (see README.md).
 */
import { h, setText } from "./dom";
import { constraint, type Field } from "./schema";

export interface Control {
  readonly field: Field;
  readonly element: HTMLElement;
  value: string;
  setError(message: string | null): void;
  focus(): void;
}

export interface Option {
  value: string;
  label: string;
  note?: string;
  disabled?: boolean;
}

/** Controls of small values may stand two in a row. */
const SHORT = 16;

/** A group of more options than this becomes a drop-down list. */
const MOST_RADIOS = 4;

export function makeControl(field: Field): Control {
  if (field.kind === "choice") {
    const options = field.choices.map(({ value, label }) => ({ value: String(value), label }));
    const optional = !field.required && field.initial === "";
    return options.length <= MOST_RADIOS && !optional ? new RadioControl(field, options) : new SelectControl(field, optional ? [{ value: "", label: "No choice" }, ...options] : options);
  }
  if (field.kind === "boolean") return new SwitchControl(field);
  return new TextControl(field);
}

/** Label, hint and error around one control. */
class Frame {
  readonly element: HTMLElement;
  readonly counter = h("span", { class: "cds--label field__counter", "aria-hidden": "true" });
  #hint: HTMLElement;
  #error: HTMLElement;
  #wrapper: HTMLElement;
  #control: HTMLElement;

  constructor(field: Field, control: HTMLElement, wrapper: HTMLElement, short: boolean) {
    const id = `field-${field.name}`;
    this.#control = control;
    this.#wrapper = wrapper;
    control.id = id;
    control.setAttribute("name", field.name);
    control.setAttribute("data-testid", id);
    control.toggleAttribute("required", field.required);
    const hint = hintOf(field);
    this.#hint = h("div", { class: "cds--form__helper-text", id: `${id}-hint`, hidden: !hint }, hint);
    this.#error = h("div", { class: "cds--form-requirement", id: `${id}-error`, "data-testid": `error-${field.name}`, hidden: true });
    this.element = h(
      "div",
      { class: `field cds--form-item${short ? " field--short" : ""}` },
      h("div", { class: "field__heading" }, h("label", { class: "cds--label", for: id }, field.label, optionalMark(field)), this.counter),
      wrapper,
      this.#error,
      this.#hint,
    );
    this.setError(null);
  }

  setError(message: string | null): void {
    setText(this.#error, message ?? "");
    this.#error.hidden = message === null;
    this.#hint.hidden = message !== null || this.#hint.textContent === "";
    this.#wrapper.toggleAttribute("data-invalid", message !== null);
    this.#control.toggleAttribute("data-invalid", message !== null);
    this.#control.classList.toggle("cds--text-input--invalid", message !== null && this.#control.classList.contains("cds--text-input"));
    this.#control.setAttribute("aria-invalid", String(message !== null));
    const described = message !== null ? this.#error.id : this.#hint.hidden ? null : this.#hint.id;
    if (described) this.#control.setAttribute("aria-describedby", described);
    else this.#control.removeAttribute("aria-describedby");
  }
}

/** The description, and what it does not say already of what may be typed. */
function hintOf(field: Field): string {
  const bound = constraint(field);
  const said = bound.match(/[\d,]+/g)?.every((number) => field.description.includes(number)) ?? false;
  return [field.description, said ? "" : bound].filter(Boolean).join(field.description.endsWith(".") ? " " : " · ");
}

const optionalMark = (field: Field): Node | null => (field.required || field.initial !== "" ? null : h("span", { class: "field__optional" }, " (optional)"));

class TextControl implements Control {
  readonly field: Field;
  readonly element: HTMLElement;
  #input: HTMLInputElement | HTMLTextAreaElement;
  #frame: Frame;

  constructor(field: Field) {
    this.field = field;
    const numeric = field.kind === "integer" || field.kind === "number";
    const long = field.kind === "json" || (field.maxLength ?? 0) > 200;
    if (long) {
      this.#input = h("textarea", { class: "cds--text-area", rows: 4, spellcheck: "false" });
    } else {
      this.#input = h("input", {
        class: "cds--text-input cds--text-input--md cds--layout--size-md",
        type: numeric ? "number" : "text",
        autocomplete: "off",
        spellcheck: "false",
        autocapitalize: "off",
        placeholder: field.example && field.initial === "" ? `For example ${field.example}` : null,
        min: numeric ? field.minimum : null,
        max: numeric ? field.maximum : null,
        step: numeric ? (field.multipleOf ?? (field.kind === "integer" ? 1 : "any")) : null,
      });
    }
    const wrapper = h("div", { class: long ? "cds--text-area__wrapper" : "cds--text-input__field-wrapper" }, this.#input);
    this.#frame = new Frame(field, this.#input, wrapper, !long && (numeric || (field.maxLength ?? Infinity) <= SHORT));
    this.element = this.#frame.element;
    this.#input.addEventListener("input", () => this.#count());
    this.value = field.initial;
  }

  get value(): string {
    // A number input hides what is not a number; "NaN" lets the check say so.
    return this.#input instanceof HTMLInputElement && this.#input.validity.badInput ? "NaN" : this.#input.value;
  }

  set value(value: string) {
    this.#input.value = value;
    this.#count();
  }

  setError(message: string | null): void {
    this.#frame.setError(message);
  }

  focus(): void {
    this.#input.focus();
  }

  #count(): void {
    if (this.field.kind === "text" && this.field.maxLength !== null) setText(this.#frame.counter, `${[...this.#input.value].length}/${this.field.maxLength}`);
  }
}

export class SelectControl implements Control {
  readonly field: Field;
  readonly element: HTMLElement;
  #select = h("select", { class: "cds--select-input cds--select-input--md" });
  #frame: Frame;
  #listed = "";

  constructor(field: Field, options: Option[]) {
    this.field = field;
    const wrapper = h("div", { class: "cds--select-input__wrapper" }, this.#select);
    this.#frame = new Frame(field, this.#select, wrapper, false);
    this.#frame.element.classList.add("cds--select");
    this.element = this.#frame.element;
    this.setOptions(options);
    this.value = field.initial;
  }

  /** Keeps what was chosen, if it is still there; leaves a list alone that has not changed, for it may be open. */
  setOptions(options: Option[]): void {
    const listed = JSON.stringify(options);
    if (listed === this.#listed) return;
    this.#listed = listed;
    const chosen = this.#select.value;
    this.#select.replaceChildren(...options.map(({ value, label, disabled }) => h("option", { value, disabled: disabled ?? false, class: "cds--select-option" }, label)));
    this.value = options.some((option) => option.value === chosen) ? chosen : (options[0]?.value ?? "");
  }

  get value(): string {
    return this.#select.value;
  }

  set value(value: string) {
    if ([...this.#select.options].some((option) => option.value === value)) this.#select.value = value;
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
  #error: HTMLElement;

  constructor(field: Field, options: Option[]) {
    this.field = field;
    const id = `field-${field.name}`;
    const tiles = options.map((option, at) => {
      const note = h("span", { class: "choice__note", id: `${id}-${at}-note` }, option.note);
      const input = h("input", { type: "radio", class: "choice__input", name: field.name, value: option.value, "aria-describedby": note.id, "data-testid": `${id}-${option.value}` });
      this.#inputs.set(option.value, input);
      this.#notes.set(option.value, note);
      return h("label", { class: "choice" }, input, h("span", { class: "choice__dot", "aria-hidden": "true" }), h("span", { class: "choice__label" }, option.label), note);
    });
    this.#error = h("div", { class: "cds--form-requirement", id: `${id}-error`, "data-testid": `error-${field.name}`, hidden: true });
    this.element = h(
      "fieldset",
      { class: "field", "data-testid": id },
      h("legend", { class: "cds--label" }, field.label),
      h("div", { class: "choices" }, ...tiles),
      this.#error,
      field.description ? h("div", { class: "cds--form__helper-text" }, field.description) : null,
    );
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
    setText(this.#error, message ?? "");
    this.#error.hidden = message === null;
    this.element.toggleAttribute("data-invalid", message !== null);
    if (message !== null) this.element.setAttribute("aria-describedby", this.#error.id);
    else this.element.removeAttribute("aria-describedby");
  }

  focus(): void {
    (this.#inputs.get(this.value) ?? [...this.#inputs.values()][0])?.focus();
  }
}

class SwitchControl implements Control {
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
