/** Text and numbers in one input. */
import { h, setText } from "../shared/dom";
import type { Field } from "../form/schema";
import { changed, Frame, type Control } from "./control";

/** Controls of small values may share a row (characters). */
const SHORT = 16;
/** A text that may be longer than this gets several lines (characters). */
const LONG = 200;
/** A range of whole numbers up to this many gets a slider beside its number. */
const SLIDER = 64;

export class TextControl implements Control {
  readonly field: Field;
  readonly element: HTMLElement;
  #input: HTMLInputElement | HTMLTextAreaElement;
  #slider: HTMLInputElement | null = null;
  #frame: Frame;

  constructor(field: Field) {
    this.field = field;
    const { minimum, maximum, multipleOf, maxLength } = field.schema;
    const numeric = field.kind === "integer" || field.kind === "number";
    const long = field.kind === "json" || (field.kind === "text" && (maxLength ?? 0) > LONG);
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
        min: numeric ? minimum : null,
        max: numeric ? maximum : null,
        step: numeric ? (multipleOf ?? (field.kind === "integer" ? 1 : "any")) : null,
      });
    }
    // A slider always has a value, so an optional field has none.
    if (
      field.initial !== "" &&
      field.kind === "integer" &&
      minimum !== undefined &&
      maximum !== undefined &&
      maximum - minimum <= SLIDER
    )
      this.#slider = this.#range(minimum, maximum, multipleOf ?? 1);
    const wrapper = h(
      "div",
      { class: long ? "cds--text-area__wrapper" : `cds--text-input__field-wrapper${this.#slider ? " ranged" : ""}` },
      this.#input,
      this.#slider,
    );
    this.#frame = new Frame(field, this.#input, wrapper, !long && (numeric || (maxLength ?? Infinity) <= SHORT));
    this.element = this.#frame.element;
    this.#input.addEventListener("input", () => this.#follow());
    this.value = field.initial;
  }

  get value(): string {
    // A number input hides what is not a number; "NaN" lets the check say so.
    return this.#input instanceof HTMLInputElement && this.#input.validity.badInput ? "NaN" : this.#input.value;
  }

  set value(value: string) {
    this.#input.value = value;
    this.#follow();
  }

  setError(message: string | null): void {
    this.#frame.setError(message);
  }

  focus(): void {
    this.#input.focus();
  }

  /** For a pointer; with the keyboard the number itself goes up and down, so nothing stops here twice. */
  #range(min: number, max: number, step: number): HTMLInputElement {
    const slider = h("input", {
      type: "range",
      class: "ranged__slider",
      min,
      max,
      step,
      tabindex: -1,
      "aria-hidden": "true",
    });
    slider.addEventListener("input", () => {
      this.#input.value = slider.value;
      changed(this.#input);
    });
    return slider;
  }

  #follow(): void {
    if (this.#slider && this.#input.value !== "") this.#slider.value = this.#input.value;
    const { maxLength } = this.field.schema;
    if (this.field.kind === "text" && maxLength !== undefined)
      setText(this.#frame.counter, `${Array.from(this.#input.value).length}/${maxLength}`);
  }
}
