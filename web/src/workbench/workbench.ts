/** One function: what it does, its form, a link that restores the form, and programs that do the same. */
import { copyButton } from "../shared/clipboard";
import { CodePanel } from "../code/code";
import { h, setText } from "../shared/dom";
import { showGuide } from "../guides/guide";
import { FunctionForm } from "../form/form";
import { LONGEST, toHash } from "../page/route";
import { categoryOf, titleOf, UNSORTED } from "../catalogue/search";
import type { Backend, QuantumFunction } from "../api/documents";

export interface WorkbenchActions {
  /** True if the gateway gives a session only for a key. */
  signIn: () => boolean;
  submit(chosen: QuantumFunction, input: Record<string, unknown>): Promise<void>;
}

/** Milliseconds without a key before the page's address follows the form. */
const PAUSE = 250;

export class Workbench {
  readonly element: HTMLElement;
  readonly heading = h("h1", { id: "page-title", tabindex: -1 });
  readonly place = h("div", { class: "workbench__form panel" });
  #actions: WorkbenchActions;
  #backends: Backend[] | null = null;
  #forms = new Map<string, { drawn: string; form: FunctionForm }>();
  #chosen: QuantumFunction | null = null;
  #category = h("span", { class: "crumbs__category" });
  #description = h("p", { class: "page-head__lead" });
  #guide = h("div", { class: "guide", "data-testid": "guide" });
  #link: HTMLElement;
  #code: CodePanel;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(actions: WorkbenchActions) {
    this.#actions = actions;
    this.#code = new CodePanel(actions.signIn);
    this.#link = copyButton("Copy link to this input", () => new URL(this.#hash(), location.href).href, "copy-link");
    this.element = h(
      "header",
      { class: "page-head" },
      h("nav", { class: "crumbs", "aria-label": "Where you are" }, h("a", { href: "#/" }, "Functions"), this.#category),
      h("div", { class: "page-head__row" }, this.heading, this.#link),
      this.#description,
      this.#guide,
    );
  }

  get chosen(): QuantumFunction | null {
    return this.#chosen;
  }

  /** Shows a function; `typed` fills its form if it is given, else what was typed before is still there. */
  show(chosen: QuantumFunction, typed: Record<string, string> | null): void {
    this.#chosen = chosen;
    this.#link.hidden = false;
    setText(this.heading, titleOf(chosen));
    setText(this.#category, categoryOf(chosen) === UNSORTED ? "" : categoryOf(chosen));
    setText(this.#description, chosen.description ?? "");
    const form = this.#form(chosen);
    if (typed) form.restore(typed);
    if (this.place.firstChild !== form.element) this.place.replaceChildren(form.element, this.#code.element);
    this.#code.show({ functionId: chosen.id, read: () => form.read() });
    if (this.#guide.dataset.function !== chosen.id)
      // Without its texts, the guide stays empty and the page works.
      void showGuide(this.#guide, chosen.id, (values) => this.#fillExample(values)).catch(() => undefined);
  }

  #fillExample(typed: Record<string, string>): void {
    if (!this.#chosen) return;
    const form = this.#form(this.#chosen);
    form.restore(typed);
    this.#code.update();
    this.#rememberNow();
    form.focusRun();
  }

  /** Says why there is no form: the functions are not `loaded`, or this one is not among them. */
  missing(loaded: boolean, failure: string | null): void {
    const text = loaded
      ? "This function is not deployed. It may have been removed."
      : (failure ?? "Asking the gateway for this function…");
    this.#chosen = null;
    this.#link.hidden = true;
    setText(this.heading, "Function");
    setText(this.#category, "");
    setText(this.#description, "");
    this.#guide.replaceChildren();
    delete this.#guide.dataset.function;
    this.place.replaceChildren(h("p", { class: "quiet", "data-testid": "missing" }, text));
  }

  /** Puts an earlier job's input into its function's form. */
  fill(chosen: QuantumFunction, params: Record<string, unknown>): void {
    this.#form(chosen).show(params);
    this.#form(chosen).focus();
  }

  setBackends(backends: Backend[]): void {
    this.#backends = backends;
    for (const { form } of this.#forms.values()) form.setBackends(backends);
    this.#code.update();
  }

  #form(chosen: QuantumFunction): FunctionForm {
    const drawn = JSON.stringify(chosen.input_schema);
    const kept = this.#forms.get(chosen.id);
    // A form that has not changed is kept, with what is typed in it.
    if (kept?.drawn === drawn) return kept.form;
    const form = new FunctionForm(chosen.id, chosen.input_schema, {
      submit: (input) => {
        // At once: the result may be there, and the page reloaded, before the pause is over.
        this.#rememberNow();
        return this.#actions.submit(chosen, input);
      },
      typed: () => {
        this.#code.update();
        this.#remember();
      },
    });
    if (this.#backends) form.setBackends(this.#backends);
    if (kept) form.restore(kept.form.typed());
    this.#forms.set(chosen.id, { drawn, form });
    return form;
  }

  #hash(): string {
    if (!this.#chosen) return location.hash;
    const hash = toHash({ page: "run", id: this.#chosen.id, typed: this.#form(this.#chosen).typed() });
    return hash.length <= LONGEST ? hash : toHash({ page: "run", id: this.#chosen.id, typed: {} });
  }

  /** The address follows the form, so that a reload or a bookmark restores it. */
  #remember(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#rememberNow(), PAUSE);
  }

  #rememberNow(): void {
    clearTimeout(this.#timer);
    if (this.#chosen && this.place.isConnected) history.replaceState(null, "", this.#hash());
  }
}
