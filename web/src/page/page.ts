/** The page's frame: the header with its links, and the content. */
import "@carbon/web-components/es/components/ui-shell/header.js";
import "@carbon/web-components/es/components/ui-shell/header-name.js";
import { h, setText } from "../shared/dom";
import type { KeyValue } from "../shared/storage";
import { themeSwitch } from "./theme";
import { toHash, type Route } from "./route";

export interface Fixed {
  signOut: () => void;
  connection: HTMLElement;
  toasts: HTMLElement;
  announcer: HTMLElement;
  storage: KeyValue;
}

const WAYS: { page: Route["page"]; label: string; route: Route }[] = [
  { page: "functions", label: "Functions", route: { page: "functions" } },
  { page: "jobs", label: "Jobs", route: { page: "jobs", id: null } },
  { page: "devices", label: "Devices", route: { page: "devices" } },
];

export class Page {
  readonly nodes: Node[];
  #main = h("main", { id: "main", class: "page", tabindex: -1 });
  #links = new Map<Route["page"], HTMLElement>();
  #signOut = h("button", { type: "button", class: "text-button", "data-testid": "sign-out", hidden: true }, "Sign out");
  #active = h("span", { class: "ways__count", "data-testid": "active", hidden: true });

  constructor({ connection, toasts, announcer, storage, signOut }: Fixed) {
    const items = WAYS.map(({ page, label, route }) => {
      const link = h(
        "a",
        { class: "ways__link", href: toHash(route), "data-testid": `go-${page}` },
        label,
        page === "jobs" ? this.#active : null,
      );
      this.#links.set(page, link);
      return h("li", {}, link);
    });
    this.#signOut.addEventListener("click", signOut);
    const skip = h("a", { class: "skip", href: "#main" }, "Skip to the content");
    // The part behind # is the page's address, so this link moves the focus by itself.
    skip.addEventListener("click", (event) => {
      event.preventDefault();
      this.#main.focus();
    });
    this.nodes = [
      h("nav", { "aria-label": "Shortcut" }, skip),
      h(
        "cds-header",
        { "aria-label": "qwhisk" },
        h("cds-header-name", { href: "#/", prefix: "" }, "qwhisk"),
        h("nav", { class: "ways", "aria-label": "Main" }, h("ul", {}, ...items)),
        connection,
        this.#signOut,
      ),
      this.#main,
      h(
        "footer",
        { class: "footer" },
        h("a", { href: toHash({ page: "help" }), "data-testid": "go-help" }, "Help"),
        themeSwitch(storage),
      ),
      toasts,
      announcer,
    ];
  }

  show(page: Route["page"], title: string, ...children: Node[]): void {
    document.title = `${title} · qwhisk`;
    const current = page === "run" ? "functions" : page;
    for (const [name, link] of this.#links) {
      if (name === current) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this.#main.dataset.page = page;
    const same =
      this.#main.childNodes.length === children.length &&
      children.every((child, at) => this.#main.childNodes[at] === child);
    if (!same) this.#main.replaceChildren(...children);
  }

  /** Offers to sign out, if the person has signed in. */
  setSignedIn(signedIn: boolean): void {
    this.#signOut.hidden = !signedIn;
  }

  /** How many jobs have not ended. */
  setActive(count: number): void {
    this.#active.hidden = count === 0;
    setText(this.#active, String(count));
    this.#active.setAttribute("aria-label", `${count} not ended`);
  }
}
