/** The form of one function, drawn from its input schema. */
import { ApiError } from "./api";
import { automaticOption, backendOption, kindLabel, kindSummary, ofType } from "./backends";
import { h, setText } from "./dom";
import { makeControl, RadioControl, SelectControl, type Control } from "./fields";
import { parse, schemaToFields, show, type Field } from "./schema";
import type { Backend, FieldError, JsonSchema } from "./types";

export class FunctionForm {
  readonly element: HTMLFormElement;
  #controls: Control[];
  #backends: Backend[] | null = null;
  #submit: (input: Record<string, unknown>) => Promise<void>;
  #run = h("cds-button", { type: "button", size: "lg", class: "run", "data-testid": "run" }, "Run");
  #summary = h("p", { class: "form__summary", role: "alert", "data-testid": "form-errors", hidden: true });
  #busy = false;

  constructor(schema: JsonSchema, submit: (input: Record<string, unknown>) => Promise<void>) {
    this.#submit = submit;
    this.#controls = schemaToFields(schema).map(control);
    this.element = h("form", { novalidate: true, class: "form" }, h("div", { class: "form__fields" }, ...this.#controls.map(({ element }) => element)), this.#summary, this.#run);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send();
    });
    this.#run.addEventListener("click", () => void this.#send());
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target instanceof HTMLInputElement) {
        event.preventDefault();
        void this.#send();
      }
    });
    for (const one of this.#controls) {
      // A field is checked when it is left, and an error goes as soon as it is mended.
      one.element.addEventListener("change", () => this.#check(one));
      one.element.addEventListener("input", () => {
        if (one.element.querySelector("[data-invalid]")) this.#check(one);
      });
    }
    this.#control("backend_type")?.element.addEventListener("change", () => this.#drawBackends());
    this.#drawBackends();
  }

  setBackends(backends: Backend[]): void {
    this.#backends = backends;
    this.#drawBackends();
  }

  /** Puts an earlier job's input into the form. */
  show(params: Record<string, unknown>): void {
    for (const one of this.#controls) {
      one.setError(null);
      if (one.field.name in params) one.value = show(params[one.field.name], one.field.kind);
      if (one.field.name === "backend_type") this.#drawBackends();
    }
    this.#say("");
  }

  focus(): void {
    this.#controls[0]?.focus();
  }

  #control(name: string): Control | undefined {
    return this.#controls.find(({ field }) => field.name === name);
  }

  #check(one: Control): boolean {
    const parsed = parse(one.field, one.value);
    one.setError(parsed.ok ? null : parsed.message);
    if (!this.#controls.some(({ element }) => element.querySelector("[data-invalid]"))) this.#say("");
    return parsed.ok;
  }

  async #send(): Promise<void> {
    if (this.#busy) return;
    const wrong = this.#controls.filter((one) => !this.#check(one));
    if (wrong.length > 0) return this.#refuse(wrong);
    const input: Record<string, unknown> = {};
    for (const one of this.#controls) {
      const parsed = parse(one.field, one.value);
      if (parsed.ok && !parsed.absent) input[one.field.name] = parsed.value;
    }
    this.#wait(true);
    try {
      await this.#submit(input);
      this.#say("");
    } catch (error) {
      if (error instanceof ApiError) this.#problem(error);
      else throw error;
    } finally {
      this.#wait(false);
    }
  }

  /** Shows a problem document: each error beside its field, the rest under the form. */
  #problem(error: ApiError): void {
    const wrong: Control[] = [];
    const rest: FieldError[] = [];
    for (const one of error.fields) {
      const at = this.#control(one.field);
      if (at) {
        at.setError(one.message);
        wrong.push(at);
      } else rest.push(one);
    }
    if (wrong.length > 0) this.#refuse(wrong, rest);
    else {
      const said = `${error.title}. ${error.message}`;
      this.#say([said, ...rest.map(({ message }) => message).filter((message) => !said.toLowerCase().includes(message.toLowerCase()))].join(" "));
    }
  }

  #refuse(wrong: Control[], rest: FieldError[] = []): void {
    const names = wrong.map(({ field }) => field.label).join(", ");
    this.#say([`Not submitted. Please look at: ${names}.`, ...rest.map(({ message }) => message)].join(" "));
    wrong[0]?.focus();
  }

  #say(text: string): void {
    setText(this.#summary, text);
    this.#summary.hidden = text === "";
  }

  #wait(busy: boolean): void {
    this.#busy = busy;
    this.#run.toggleAttribute("disabled", busy);
    setText(this.#run, busy ? "Submitting…" : "Run");
  }

  #drawBackends(): void {
    const type = this.#control("backend_type");
    if (type instanceof RadioControl) for (const { value } of type.field.choices) type.setNote(String(value), kindSummary(this.#backends, String(value)));
    const backend = this.#control("backend");
    if (backend instanceof SelectControl) {
      const chosen = type?.value ?? "";
      const listed = ofType(this.#backends ?? [], chosen).map((one) => ({ value: one.name, label: backendOption(one), disabled: !one.operational }));
      backend.setOptions([{ value: "", label: automaticOption(chosen) }, ...listed]);
    }
  }
}

/** `backend_type` and `backend` are every function's, and known to the page; all else is drawn from its schema alone. */
function control(field: Field): Control {
  if (field.name === "backend" && field.kind === "text") return new SelectControl({ ...field, minLength: null, maxLength: null, pattern: null }, []);
  if (field.name === "backend_type" && field.kind === "choice") {
    return new RadioControl(field, field.choices.map(({ value, label }) => ({ value: String(value), label: kindLabel(String(value), label) })));
  }
  return makeControl(field);
}
