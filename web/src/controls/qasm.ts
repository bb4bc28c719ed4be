/** An editor for OpenQASM: numbered lines, and the circuit as it is drawn while one types. */
import { circuitPicture } from "../circuit/picture";
import { h, setText } from "../shared/dom";
import type { Field } from "../form/schema";
import { Frame, type Control } from "./control";

/** Milliseconds without a key before the circuit is drawn again. */
const PAUSE = 300;
const LINES = 14;

export class QasmControl implements Control {
  readonly field: Field;
  readonly element: HTMLElement;
  #text = h("textarea", {
    class: "editor__text",
    rows: LINES,
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    wrap: "off",
  });
  #numbers = h("pre", { class: "editor__numbers", "aria-hidden": "true" });
  #picture = h("div", { class: "editor__picture" });
  #frame: Frame;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(field: Field) {
    this.field = field;
    this.#frame = new Frame(field, this.#text, h("div", { class: "editor" }, this.#numbers, this.#text), false);
    this.element = this.#frame.element;
    this.element.append(this.#picture);
    this.#text.addEventListener("input", () => this.#follow());
    this.#text.addEventListener("scroll", () => (this.#numbers.scrollTop = this.#text.scrollTop));
    this.value = field.initial;
  }

  get value(): string {
    return this.#text.value;
  }

  set value(value: string) {
    this.#text.value = value;
    this.#follow(0);
  }

  setError(message: string | null): void {
    this.#frame.setError(message);
  }

  focus(): void {
    this.#text.focus();
  }

  #follow(pause = PAUSE): void {
    const lines = this.#text.value.split("\n").length;
    setText(this.#numbers, Array.from({ length: lines }, (_, at) => at + 1).join("\n"));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#picture.replaceChildren(this.#text.value.trim() ? circuitPicture(this.#text.value) : ""),
      pause,
    );
  }
}
