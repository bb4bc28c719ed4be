/**
 * What all controls of a form have in common. They are native inputs in Carbon's styles: native, because their labels,
 * hints and errors are then tied together in one document for assistive technology, and need no inline style.
 */
import { h, setText } from "../shared/dom";
import { constraint, type Field } from "../form/schema";
import { words } from "../shared/words";

export interface Control {
  readonly field: Field;
  readonly element: HTMLElement;
  /** As it is typed, and as it stands in a link; JSON for what has rows. */
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

/** Notifies the form that a control's value changed without typing. */
export const changed = (element: Element): boolean => element.dispatchEvent(new Event("change", { bubbles: true }));

/** The description, and what it does not say already of what may be typed. */
function hintOf(field: Field): string {
  const bound = constraint(field);
  const said = bound.match(/[\d,]*\d/g)?.every((number) => field.description.includes(number)) ?? false;
  return [field.description, said ? "" : bound].filter(Boolean).join(field.description.endsWith(".") ? " " : " · ");
}

/** A text with names in backticks, as text and code. */
const marked = (text: string): Node[] =>
  text
    .split("`")
    .map((part, at) => (at % 2 === 1 ? h("code", { class: "mono" }, words(part)) : document.createTextNode(part)));

const optionalMark = (field: Field): Node | null =>
  field.required || field.initial !== "" ? null : h("span", { class: "field__optional" }, " (optional)");

/** A field's hint and error, one of which describes the control. */
class Notes {
  readonly hint: HTMLElement;
  readonly error: HTMLElement;

  constructor(field: Field) {
    const id = `field-${field.name}`;
    const hint = hintOf(field);
    this.hint = h("div", { class: "cds--form__helper-text", id: `${id}-hint`, hidden: !hint }, ...marked(hint));
    this.error = h("div", {
      class: "cds--form-requirement",
      id: `${id}-error`,
      "data-testid": `error-${field.name}`,
      hidden: true,
    });
  }

  show(message: string | null, described: Element): void {
    setText(this.error, message ?? "");
    this.error.hidden = message === null;
    this.hint.hidden = message !== null || this.hint.textContent === "";
    const by = message !== null ? this.error.id : this.hint.hidden ? null : this.hint.id;
    if (by) described.setAttribute("aria-describedby", by);
    else described.removeAttribute("aria-describedby");
  }
}

/** Label, hint and error around one control. */
export class Frame {
  readonly element: HTMLElement;
  readonly counter = h("span", { class: "cds--label field__counter", "aria-hidden": "true" });
  #notes: Notes;
  #wrapper: HTMLElement;
  #control: HTMLElement;

  constructor(field: Field, control: HTMLElement, wrapper: HTMLElement, short: boolean) {
    const id = `field-${field.name}`;
    this.#control = control;
    this.#wrapper = wrapper;
    this.#notes = new Notes(field);
    control.id = id;
    control.setAttribute("name", field.name);
    control.setAttribute("data-testid", id);
    control.toggleAttribute("required", field.required);
    this.element = h(
      "div",
      { class: `field cds--form-item${short ? " field--short" : ""}` },
      h(
        "div",
        { class: "field__heading" },
        h("label", { class: "cds--label", for: id }, field.label, optionalMark(field)),
        this.counter,
      ),
      wrapper,
      this.#notes.error,
      this.#notes.hint,
    );
    this.setError(null);
  }

  setError(message: string | null): void {
    const wrong = message !== null;
    this.#notes.show(message, this.#control);
    this.#wrapper.toggleAttribute("data-invalid", wrong);
    this.#control.toggleAttribute("data-invalid", wrong);
    this.#control.classList.toggle(
      "cds--text-input--invalid",
      wrong && this.#control.classList.contains("cds--text-input"),
    );
    this.#control.setAttribute("aria-invalid", String(wrong));
  }
}

/** Legend, hint and error around several inputs that make one value. */
export class GroupFrame {
  readonly element: HTMLFieldSetElement;
  #notes: Notes;

  constructor(field: Field, ...children: Node[]) {
    this.#notes = new Notes(field);
    this.element = h(
      "fieldset",
      { class: "field", "data-testid": `field-${field.name}` },
      h("legend", { class: "cds--label" }, field.label, optionalMark(field)),
      ...children,
      this.#notes.error,
      this.#notes.hint,
    );
    this.setError(null);
  }

  setError(message: string | null): void {
    this.#notes.show(message, this.element);
    this.element.toggleAttribute("data-invalid", message !== null);
  }
}
