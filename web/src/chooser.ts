/** Choosing a function, and its form. */
import { FunctionForm } from "./form";
import { h, setText } from "./dom";
import type { Backend, QuantumFunction } from "./types";

export class Chooser {
  readonly element: HTMLElement;
  #submit: (chosen: QuantumFunction, input: Record<string, unknown>) => Promise<void>;
  #functions: QuantumFunction[] = [];
  #backends: Backend[] | null = null;
  #forms = new Map<string, FunctionForm>();
  #select = h("select", { id: "function", class: "cds--select-input cds--select-input--md", "data-testid": "function" });
  #field = h("div", { class: "field cds--form-item cds--select", hidden: true }, h("label", { class: "cds--label", for: "function" }, "Function"), h("div", { class: "cds--select-input__wrapper" }, this.#select));
  #description = h("p", { class: "chooser__description" });
  #place = h("div", {}, h("p", { class: "chooser__loading" }, "Asking the gateway for its functions…"));

  constructor(submit: (chosen: QuantumFunction, input: Record<string, unknown>) => Promise<void>) {
    this.#submit = submit;
    this.#select.addEventListener("change", () => this.#draw());
    this.element = h("section", { class: "chooser panel", "aria-labelledby": "chooser-title" }, h("div", { class: "panel__heading" }, h("h2", { id: "chooser-title" }, "Run a function")), this.#field, this.#description, this.#place);
  }

  get functions(): QuantumFunction[] {
    return this.#functions;
  }

  /** Forms that have not changed are kept, with what is typed in them. */
  setFunctions(functions: QuantumFunction[]): void {
    if (JSON.stringify(functions) === JSON.stringify(this.#functions) && functions.length > 0) return;
    const before = new Map(this.#functions.map((one) => [one.id, JSON.stringify(one)]));
    for (const one of functions) if (before.get(one.id) !== JSON.stringify(one)) this.#forms.delete(one.id);
    this.#functions = functions;
    const chosen = this.#select.value;
    this.#select.replaceChildren(...functions.map((one) => h("option", { value: one.id, class: "cds--select-option" }, one.title ?? one.id)));
    if (functions.some((one) => one.id === chosen)) this.#select.value = chosen;
    this.#field.hidden = functions.length === 0;
    this.#draw();
  }

  setBackends(backends: Backend[]): void {
    this.#backends = backends;
    for (const form of this.#forms.values()) form.setBackends(backends);
  }

  failed(message: string, retry: () => void): void {
    const again = h("cds-button", { kind: "tertiary", size: "md" }, "Try again");
    again.addEventListener("click", retry);
    this.#place.replaceChildren(h("p", { class: "chooser__failed", role: "alert" }, message), again);
  }

  /** Puts an earlier job's input into its function's form. */
  show(functionId: string, params: Record<string, unknown>): boolean {
    if (!this.#functions.some((one) => one.id === functionId)) return false;
    this.#select.value = functionId;
    this.#draw();
    this.#forms.get(functionId)?.show(params);
    this.#forms.get(functionId)?.focus();
    return true;
  }

  #draw(): void {
    const chosen = this.#functions.find((one) => one.id === this.#select.value);
    setText(this.#description, chosen?.description ?? "");
    if (!chosen) {
      this.#place.replaceChildren(h("p", { class: "chooser__loading" }, "No function is deployed yet. Add one, and it appears here."));
      return;
    }
    let form = this.#forms.get(chosen.id);
    if (!form) {
      form = new FunctionForm(chosen.input_schema, (input) => this.#submit(chosen, input));
      if (this.#backends) form.setBackends(this.#backends);
      this.#forms.set(chosen.id, form);
    }
    if (this.#place.firstChild !== form.element) this.#place.replaceChildren(form.element);
  }
}
