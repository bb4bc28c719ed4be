/** All functions: searched, by category, each a link to its form. */
import { h, setText } from "../shared/dom";
import { count } from "../shared/format";
import { toHash } from "../page/route";
import { categories, categoryOf, grouped, titleOf, UNSORTED } from "./search";
import type { QuantumFunction } from "../api/documents";

export class Catalogue {
  readonly element: HTMLElement;
  readonly heading = h("h1", { id: "page-title", tabindex: -1 }, "Functions");
  #functions: QuantumFunction[] | null = null;
  #category: string | null = null;
  #search = h("input", {
    type: "search",
    id: "search",
    class: "cds--text-input search__input",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "Search, for example Grover",
    "data-testid": "search",
  });
  #filters = h("div", { class: "filters", role: "group", "aria-label": "Categories", "data-testid": "categories" });
  // Where the filters come, so that nothing moves when they do.
  #asking = h("p", { class: "quiet" }, "Asking the gateway for its functions…");
  #found = h("p", { class: "catalogue__found", role: "status" });
  #groups = h("div", { "data-testid": "catalogue" });

  constructor() {
    this.element = h(
      "div",
      { class: "catalogue" },
      h(
        "header",
        { class: "page-head" },
        this.heading,
        h(
          "p",
          { class: "page-head__lead" },
          "Choose an algorithm, give it your input, and run it on a simulator or on a device. " +
            "The result arrives here by itself.",
        ),
      ),
      h(
        "div",
        { class: "search" },
        h("label", { class: "cds--label", for: "search" }, "Search functions"),
        this.#search,
      ),
      this.#asking,
      this.#filters,
      this.#found,
      this.#groups,
    );
    this.#search.addEventListener("input", () => this.#draw());
    this.#search.addEventListener("keydown", ({ key }) => {
      if (key === "Enter") this.#groups.querySelector<HTMLElement>("a")?.click();
    });
    addEventListener("keydown", (event) => {
      const typing = event
        .composedPath()
        .some((one) => one instanceof HTMLElement && one.matches("input, textarea, select"));
      if (event.key !== "/" || typing || !this.element.isConnected) return;
      event.preventDefault();
      this.#search.focus();
    });
  }

  setFunctions(functions: QuantumFunction[]): void {
    this.#functions = functions;
    this.#asking.hidden = true;
    const names = categories(functions);
    if (this.#category !== null && !names.includes(this.#category)) this.#category = null;
    const chip = (category: string | null, label: string, number: number): HTMLElement =>
      h(
        "button",
        {
          type: "button",
          class: "filter",
          "data-category": category,
          "aria-pressed": String(category === this.#category),
          click: () => this.#choose(category),
        },
        label,
        h("span", { class: "filter__count" }, number),
      );
    this.#filters.replaceChildren(
      chip(null, "All", functions.length),
      ...names.map((name) => chip(name, name, functions.filter((one) => categoryOf(one) === name).length)),
    );
    this.#filters.hidden = names.length < 2;
    this.#draw();
  }

  offline(retry: () => void): void {
    this.failed(
      "You are offline. The functions appear when the network is back. Your earlier results are under Jobs.",
      retry,
    );
  }

  failed(message: string, retry: () => void): void {
    this.#asking.hidden = true;
    const again = h("cds-button", { kind: "tertiary", size: "md" }, "Try again");
    again.addEventListener("click", retry);
    this.#groups.replaceChildren(h("p", { class: "quiet quiet--failed", role: "alert" }, message), again);
  }

  #choose(category: string | null): void {
    this.#category = category;
    for (const chip of this.#filters.querySelectorAll("button"))
      chip.setAttribute("aria-pressed", String((chip.dataset.category ?? null) === category));
    this.#draw();
  }

  #draw(): void {
    if (this.#functions === null) return;
    const query = this.#search.value.trim();
    const groups = grouped(this.#functions, query, this.#category);
    const number = groups.reduce((sum, { functions }) => sum + functions.length, 0);
    setText(
      this.#found,
      query || this.#category ? `${count(number)} ${number === 1 ? "function" : "functions"} found` : "",
    );
    if (this.#functions.length === 0)
      this.#groups.replaceChildren(
        h("p", { class: "quiet" }, "No function is deployed yet. Add one, and it appears here."),
      );
    else if (number === 0)
      this.#groups.replaceChildren(
        h("p", { class: "quiet" }, "Nothing is found. Try another word, or all categories."),
      );
    else
      this.#groups.replaceChildren(
        h("ul", { class: "cards" }, ...groups.flatMap(({ functions }) => functions.map(card))),
      );
  }
}

const card = (one: QuantumFunction): HTMLElement =>
  h(
    "li",
    { class: "card" },
    h("p", { class: "card__category" }, categoryOf(one) === UNSORTED ? "" : categoryOf(one)),
    h(
      "h2",
      { class: "card__title" },
      h(
        "a",
        {
          class: "card__link",
          href: toHash({ page: "run", id: one.id, typed: {} }),
          "data-testid": `function-${one.id}`,
        },
        titleOf(one),
      ),
    ),
    h("p", { class: "card__text" }, one.description ?? ""),
    h("span", { class: "card__arrow", "aria-hidden": "true" }, "→"),
  );
