/** The page's frame: header, the three panels, and where they stand. */
import "@carbon/web-components/es/components/ui-shell/header.js";
import "@carbon/web-components/es/components/ui-shell/header-name.js";
import { h } from "./dom";

export interface Parts {
  connection: HTMLElement;
  chooser: HTMLElement;
  result: HTMLElement;
  jobs: HTMLElement;
  toasts: HTMLElement;
  announcer: HTMLElement;
}

export function page({ connection, chooser, result, jobs, toasts, announcer }: Parts): Node[] {
  return [
    h("a", { class: "skip", href: "#main" }, "Skip to the content"),
    h("cds-header", { "aria-label": "qwhisk" }, h("cds-header-name", { href: "/", prefix: "" }, "qwhisk"), h("span", { class: "tagline" }, "Quantum algorithms as functions"), connection),
    h("main", { id: "main", class: "page", tabindex: -1 }, h("h1", { class: "visually-hidden" }, "qwhisk: run a quantum function"), chooser, result, jobs),
    toasts,
    announcer,
  ];
}
