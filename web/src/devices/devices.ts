/** The backends: what they are, how large, and how long their queues. */
import "@carbon/web-components/es/components/tag/tag.js";
import { ofType } from "./backends";
import { h } from "../shared/dom";
import { backendTypeWords, clock, count } from "../shared/format";
import type { Backend } from "../api/documents";

const TYPES = ["hardware", "noisy_simulator", "simulator"];

export class Devices {
  readonly element: HTMLElement;
  readonly heading = h("h1", { id: "page-title", tabindex: -1 }, "Devices");
  #body = h("tbody", {});
  #place = h("div", {}, h("p", { class: "quiet" }, "Asking the gateway for its devices…"));
  #table: HTMLElement;

  constructor() {
    const head = h("th", { scope: "col" }, "Device");
    const numbers = ["Qubits", "Jobs in queue"].map((name) => h("th", { scope: "col", class: "number" }, name));
    this.#table = h(
      "div",
      { class: "table-scroll", tabindex: 0, role: "group", "aria-label": "Devices" },
      h(
        "table",
        { class: "table devices", "data-testid": "devices" },
        h("caption", { class: "visually-hidden" }, "Devices"),
        h("thead", {}, h("tr", {}, head, ...numbers)),
        this.#body,
      ),
    );
    this.element = h(
      "div",
      {},
      h(
        "header",
        { class: "page-head" },
        this.heading,
        h(
          "p",
          { class: "page-head__lead" },
          "Where jobs run. Queue lengths are those of the last look, a few seconds ago. " +
            "Left to itself, a job goes to the least busy device that is large enough.",
        ),
      ),
      h("div", { class: "panel" }, this.#place),
    );
  }

  setBackends(backends: Backend[]): void {
    const sorted = [
      ...TYPES.flatMap((type) => ofType(backends, type)),
      ...backends.filter(({ backend_type }) => !TYPES.includes(backend_type)),
    ];
    this.#body.replaceChildren(...sorted.map(row));
    const child = sorted.length > 0 ? this.#table : h("p", { class: "quiet" }, "No device is known yet.");
    if (this.#place.firstChild !== child) this.#place.replaceChildren(child);
  }
}

const row = (one: Backend): HTMLElement =>
  h(
    "tr",
    { "data-testid": `device-${one.name}` },
    h(
      "th",
      { scope: "row" },
      h("span", { class: "devices__name" }, one.name),
      h("span", { class: "devices__kind" }, backendTypeWords(one.backend_type, one.name)),
      h(
        "cds-tag",
        {
          size: "sm",
          type: one.operational ? "green" : "red",
          title: one.seen_at ? `Seen ${clock(one.seen_at)}` : null,
        },
        one.operational ? "Operational" : "Not operational",
      ),
    ),
    h("td", { class: "number" }, count(one.qubits)),
    h("td", { class: "number" }, one.queue_length === null ? "–" : count(one.queue_length)),
  );
