/** "Call it from code": the form's job as a program, in several languages, with the values that are typed in. */
import { apiAddress } from "../api/api";
import { copyButton } from "../shared/clipboard";
import { h, setText } from "../shared/dom";
import { KEY, toCall, type Call } from "./call";
import { tabs } from "./tabs";
import type { FormInput } from "../form/form";

type Printer = typeof import("./languages");

export interface CodeSource {
  functionId: string;
  read: () => FormInput;
}

export class CodePanel {
  readonly element: HTMLDetailsElement;
  #signIn: () => boolean;
  #source: CodeSource | null = null;
  #printer: Printer | null = null;
  #chosen = "";
  #place = h("div", {});
  #note = h("p", { class: "code-panel__note", "data-testid": "code-note" });
  #program = h("code", { "data-testid": "code-program" });
  #panel = h(
    "div",
    { role: "tabpanel", id: "code-panel", class: "code-panel__program" },
    copyButton("Copy", () => this.#program.textContent, "copy-code"),
    h("pre", { class: "code", tabindex: 0, role: "group", "aria-label": "Program" }, this.#program),
  );

  /** `signIn` is true if the gateway gives a session only for a key. */
  constructor(signIn: () => boolean) {
    this.#signIn = signIn;
    this.element = h(
      "details",
      { class: "disclosure code-panel", "data-testid": "code" },
      h("summary", {}, "Call it from code"),
      this.#note,
      this.#place,
    );
    this.element.addEventListener("toggle", () => this.update());
  }

  /** Prints the calls of another form. */
  show(source: CodeSource): void {
    this.#source = source;
    this.update();
  }

  /** Something in the form has changed. Nothing is printed while the panel is closed. */
  update(): void {
    if (!this.element.open || !this.#source) return;
    if (this.#printer) this.#draw(this.#printer, this.#source);
    else void this.#load().catch(() => setText(this.#note, "The programs could not be loaded. Try again later."));
  }

  async #load(): Promise<void> {
    const printer = await import("./languages");
    if (this.#printer) return;
    this.#printer = printer;
    const choose = (id: string): void => {
      this.#chosen = id;
      this.update();
    };
    this.#place.replaceChildren(tabs("Languages", printer.LANGUAGES, this.#panel, choose), this.#panel);
  }

  #draw({ isPrintable, LANGUAGES }: Printer, { functionId, read }: CodeSource): void {
    const { input, wrong } = read();
    const printable = wrong.length === 0 && isPrintable(input);
    this.#place.hidden = !printable;
    if (!printable) {
      const labels = [...new Set(wrong)].join(", ");
      setText(
        this.#note,
        wrong.length > 0
          ? `The program appears when the form can be run. Please look at: ${labels}.`
          : "This input is too long to be written into a program.",
      );
      return;
    }
    const call = toCall(apiAddress(), functionId, input, this.#signIn());
    setText(this.#note, note(call));
    setText(this.#program, LANGUAGES.find(({ id }) => id === this.#chosen)?.print(call) ?? "");
  }
}

const note = ({ signIn }: Call): string =>
  "Runs the same job as this form and prints its answer in a sentence." +
  (signIn ? ` Put the key that you sign in with into the environment variable ${KEY}.` : "");
