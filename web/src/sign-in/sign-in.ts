/** Asks the person to sign in, where the gateway gives sessions only to those who do. */
import "@carbon/web-components/es/components/button/button.js";
import { ApiError, describe } from "../api/api";
import { h, setText } from "../shared/dom";
import type { Session } from "../api/documents";

/** Characters that a header may contain. */
const CREDENTIAL = /^[!-~]{1,8000}$/;

export class SignIn {
  readonly element: HTMLElement;
  #create: (credential?: string) => Promise<Session>;
  #changed: () => void;
  #input = h("input", {
    type: "password",
    id: "credential",
    class: "cds--text-input cds--text-input--md",
    autocomplete: "current-password",
    spellcheck: "false",
    "aria-describedby": "credential-error",
    "data-testid": "credential",
  });
  #error = h("div", {
    class: "cds--form-requirement sign-in__error",
    id: "credential-error",
    role: "alert",
    "data-testid": "sign-in-error",
  });
  #button = h("cds-button", { type: "button", size: "lg", "data-testid": "sign-in" }, "Sign in");
  #done: ((session: Session) => void) | null = null;

  /** `create` makes a session; `changed` is called when the form is to be shown, and when it is done with. */
  constructor(create: (credential?: string) => Promise<Session>, changed: () => void) {
    this.#create = create;
    this.#changed = changed;
    const form = h(
      "form",
      { class: "panel sign-in", "data-testid": "sign-in-form" },
      h(
        "div",
        { class: "cds--form-item" },
        h("label", { class: "cds--label", for: "credential" }, "API key, or your provider's token"),
        this.#input,
        this.#error,
      ),
      this.#button,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send();
    });
    this.#button.addEventListener("click", () => void this.#send());
    this.element = h(
      "div",
      {},
      h(
        "header",
        { class: "page-head" },
        h("h1", { id: "page-title", tabindex: -1 }, "Sign in"),
        h(
          "p",
          { class: "page-head__lead" },
          "This service needs a key. Enter the key that its operator gave you. It opens a session; this browser " +
            "does not keep the key.",
        ),
      ),
      form,
    );
  }

  /** True while the form is open. */
  get asking(): boolean {
    return this.#done !== null;
  }

  /** A session. Where the gateway requires a sign-in, it resolves after the sign-in. */
  async session(): Promise<Session> {
    try {
      return await this.#create();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
    }
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#changed();
      this.#input.focus();
    });
  }

  async #send(): Promise<void> {
    const credential = this.#input.value.trim();
    if (!CREDENTIAL.test(credential)) {
      this.#say("Enter the key: letters, digits and signs, without spaces.");
      return;
    }
    this.#button.setAttribute("disabled", "");
    try {
      const session = await this.#create(credential);
      this.#input.value = "";
      this.#say("");
      const done = this.#done;
      this.#done = null;
      done?.({ ...session, signed_in: true });
      this.#changed();
    } catch (error) {
      const refused = error instanceof ApiError && error.status === 401;
      this.#say(
        refused
          ? "This key is not known or has expired. Check it, or ask the operator for a new one."
          : describe(error),
      );
    } finally {
      this.#button.removeAttribute("disabled");
    }
  }

  #say(text: string): void {
    setText(this.#error, text);
    this.#input.setAttribute("aria-invalid", String(text !== ""));
    this.#input.classList.toggle("cds--text-input--invalid", text !== "");
  }
}
