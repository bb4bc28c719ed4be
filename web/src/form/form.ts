/** The form of one function, drawn from its input schema. */
import "@carbon/web-components/es/components/button/button.js";
import { ApiError, describe } from "../api/api";
import { automaticOption, backendOption, kindLabel, kindSummary, ofType } from "../devices/backends";
import { RadioControl, SelectControl } from "../controls/choice";
import type { Control } from "../controls/control";
import { makeControl } from "../controls/factory";
import { COMMON_INPUTS } from "../shared/common-inputs";
import { h, setText } from "../shared/dom";
import { parse } from "./input";
import { conditions, isFixed, type Condition } from "./conditions";
import { schemaToFields, show, type Field } from "./schema";
import type { Backend, FieldError, JsonSchema } from "../api/documents";

/** What Run submits, and the labels of the fields whose values are wrong. */
export interface FormInput {
  input: Record<string, unknown>;
  wrong: string[];
}

export interface FormActions {
  submit(input: Record<string, unknown>): Promise<void>;
  /** Something was typed: what differs from how the form began. */
  typed(values: Record<string, string>): void;
}

export class FunctionForm {
  readonly element: HTMLFormElement;
  #controls: Control[];
  #conditions: Map<string, Condition>;
  #began: Map<string, string>;
  #backends: Backend[] | null = null;
  #actions: FormActions;
  #run = h("cds-button", { type: "button", size: "lg", class: "run", "data-testid": "run" }, "Run");
  #summary = h("p", { class: "form__summary", role: "alert", "data-testid": "form-errors", hidden: true });
  #busy = false;

  constructor(functionId: string, schema: JsonSchema, actions: FormActions) {
    this.#actions = actions;
    this.#controls = schemaToFields(schema)
      .filter((field) => !isFixed(field.schema))
      .map(control);
    this.#conditions = conditions(functionId, schema);
    const own = this.#controls.filter(({ field }) => !COMMON_INPUTS.has(field.name)).map(({ element }) => element);
    const common = this.#controls.filter(({ field }) => COMMON_INPUTS.has(field.name)).map(({ element }) => element);
    const part = (title: string, elements: HTMLElement[]): HTMLElement | null =>
      elements.length > 0
        ? h(
            "section",
            { class: "form__part" },
            h("h2", { class: "form__title" }, title),
            h("div", { class: "form__fields" }, ...elements),
          )
        : null;
    this.element = h(
      "form",
      { novalidate: true, class: "form" },
      part("Input", own),
      part("Where it runs", common),
      this.#summary,
      this.#run,
    );
    this.#drawBackends();
    this.#began = new Map(this.#controls.map((one) => [one.field.name, one.value]));
    this.#listen();
    this.#showApplying();
  }

  setBackends(backends: Backend[]): void {
    this.#backends = backends;
    this.#drawBackends();
  }

  /** Puts an earlier job's input into the form. */
  show(params: Record<string, unknown>): void {
    this.restore(
      Object.fromEntries(
        Object.entries(params).map(([name, value]) => [name, show(value, this.#control(name)?.field.kind ?? "text")]),
      ),
    );
    this.#actions.typed(this.typed());
  }

  /** Fills in the values of a link and resets all other fields. */
  restore(typed: Record<string, string>): void {
    for (const one of this.#controls) {
      one.setError(null);
      one.value = typed[one.field.name] ?? this.#began.get(one.field.name) ?? "";
      if (one.field.name === "backend_type") this.#drawBackends();
    }
    this.#showApplying();
    this.#say("");
  }

  typed(): Record<string, string> {
    return Object.fromEntries(
      this.#controls
        .filter((one) => one.value !== this.#began.get(one.field.name))
        .map((one) => [one.field.name, one.value]),
    );
  }

  /** Reads the fields that apply, and shows no errors beside them. */
  read(): FormInput {
    const input: Record<string, unknown> = {};
    const wrong: string[] = [];
    for (const one of this.#applying()) {
      const parsed = parse(one.field, one.value);
      if (!parsed.ok) wrong.push(one.field.label);
      else if (!parsed.absent) input[one.field.name] = parsed.value;
    }
    return { input, wrong };
  }

  focus(): void {
    this.#controls[0]?.focus();
  }

  /** Moves to the button, where a filled form can be run. */
  focusRun(): void {
    this.#run.focus();
  }

  #listen(): void {
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send();
    });
    this.#run.addEventListener("click", () => void this.#send());
    this.element.addEventListener("keydown", (event) => {
      const line = event.target instanceof HTMLInputElement;
      if (
        event.key === "Enter" &&
        (line || ((event.ctrlKey || event.metaKey) && event.target instanceof HTMLTextAreaElement))
      ) {
        event.preventDefault();
        void this.#send();
      }
    });
    for (const one of this.#controls) {
      // A field is checked when it is left, and an error goes as soon as it is mended.
      one.element.addEventListener("change", () => this.#check(one));
      one.element.addEventListener("input", () => {
        if (isInvalid(one)) this.#check(one);
      });
    }
    this.#control("backend_type")?.element.addEventListener("change", () => this.#drawBackends());
    for (const kind of ["input", "change"])
      this.element.addEventListener(kind, () => {
        this.#showApplying();
        this.#actions.typed(this.typed());
      });
  }

  /** True if the field applies to the values of the others. */
  #applies({ field }: Control): boolean {
    const condition = this.#conditions.get(field.name);
    const deciding = condition && this.#control(condition.field);
    return !deciding || condition.values.includes(deciding.value);
  }

  #applying(): Control[] {
    return this.#controls.filter((one) => this.#applies(one));
  }

  #showApplying(): void {
    for (const one of this.#controls) one.element.hidden = !this.#applies(one);
  }

  #control(name: string): Control | undefined {
    return this.#controls.find(({ field }) => field.name === name);
  }

  #check(one: Control): boolean {
    const parsed = parse(one.field, one.value);
    one.setError(parsed.ok ? null : parsed.message);
    if (!this.#controls.some(isInvalid)) this.#say("");
    return parsed.ok;
  }

  async #send(): Promise<void> {
    if (this.#busy) return;
    const wrong = this.#applying().filter((one) => !this.#check(one));
    if (wrong.length > 0) {
      this.#refuse(wrong);
      return;
    }
    this.#wait(true);
    try {
      await this.#actions.submit(this.read().input);
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
      if (at && this.#applies(at)) {
        at.setError(one.message);
        wrong.push(at);
      } else rest.push(one);
    }
    if (wrong.length > 0) this.#refuse(wrong, rest);
    else {
      const said = describe(error);
      this.#say(
        [
          said,
          ...rest
            .map(({ message }) => message)
            .filter((message) => !said.toLowerCase().includes(message.toLowerCase())),
        ].join(" "),
      );
    }
  }

  #refuse(wrong: Control[], rest: FieldError[] = []): void {
    const names = [...new Set(wrong.map(({ field }) => field.label))].join(", ");
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
    if (type instanceof RadioControl)
      for (const { value } of type.field.choices)
        type.setNote(String(value), kindSummary(this.#backends, String(value)));
    const backend = this.#control("backend");
    if (backend instanceof SelectControl) {
      const chosen = type?.value ?? "";
      const listed = ofType(this.#backends ?? [], chosen).map((one) => ({
        value: one.name,
        label: backendOption(one),
        disabled: !one.operational,
      }));
      backend.setOptions([{ value: "", label: automaticOption(chosen) }, ...listed]);
    }
  }
}

const isInvalid = ({ element }: Control): boolean =>
  element.matches("[data-invalid]") || element.querySelector("[data-invalid]") !== null;

/** The page knows `backend_type` and `backend`, which every function has; the schema alone decides about the rest. */
function control(field: Field): Control {
  if (field.name === "backend" && field.kind === "text")
    return new SelectControl({ ...field, schema: { description: field.description } }, []);
  if (field.name === "backend_type" && field.kind === "choice") {
    const kinds = ["simulator", "noisy_simulator", "hardware"];
    const place = (value: unknown): number => (kinds.indexOf(String(value)) + kinds.length + 1) % (kinds.length + 1);
    const options = [...field.choices].sort((a, b) => place(a.value) - place(b.value));
    return new RadioControl(
      field,
      options.map(({ value, label }) => ({ value: String(value), label: kindLabel(String(value), label) })),
    );
  }
  return makeControl(field);
}
