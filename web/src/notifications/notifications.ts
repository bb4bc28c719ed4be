import "@carbon/web-components/es/components/notification/toast-notification.js";
import { h } from "../shared/dom";

export type Kind = "success" | "info" | "warning" | "error";

/** How long good news stays, in milliseconds; errors stay until they are closed. */
const SHOWN = 6_000;

/** One toast at a time, and a quiet line that screen readers speak. */
export class Notifier {
  readonly element = h("div", { class: "toasts" });
  readonly announcer = h("div", {
    class: "visually-hidden",
    role: "status",
    "aria-live": "polite",
    "data-testid": "announcer",
  });

  /** `link` leads to what it is about. */
  show(kind: Kind, title: string, text = "", link: { href: string; label: string } | null = null): void {
    const toast = h(
      "cds-toast-notification",
      {
        kind,
        "low-contrast": true,
        "data-testid": "notification",
        "data-kind": kind,
        "status-icon-description": kind,
        "aria-label": "Close",
        role: kind === "error" ? "alert" : "status",
        timeout: kind === "error" ? null : SHOWN,
      },
      h("span", { slot: "title" }, title),
      text || link
        ? h(
            "span",
            { slot: "subtitle" },
            text,
            link ? h("a", { class: "toast__link", href: link.href }, link.label) : null,
          )
        : null,
    );
    toast.addEventListener("cds-notification-closed", () => toast.remove());
    this.element.replaceChildren(toast);
  }

  clear(): void {
    this.element.replaceChildren();
  }

  announce(text: string): void {
    this.announcer.textContent = text;
  }
}
