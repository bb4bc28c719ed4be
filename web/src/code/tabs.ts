/** Tabs over one panel, by the ARIA Authoring Practices: Tab reaches the chosen tab, the arrow keys the others. */
import { h } from "../shared/dom";

export interface Tab {
  id: string;
  label: string;
}

/** The index of the tab that a key chooses from the tab at `at` of `count` tabs; null for other keys. Pure. */
export function target(key: string, at: number, count: number): number | null {
  switch (key) {
    case "ArrowRight":
      return (at + 1) % count;
    case "ArrowLeft":
      return (at + count - 1) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/** Draws tabs over `panel`. `chosen` is called with the id of the first one, and with that of each one chosen later. */
export function tabs(label: string, all: Tab[], panel: HTMLElement, chosen: (id: string) => void): HTMLElement {
  const buttons = all.map((tab, at) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        class: "tab",
        id: `code-tab-${tab.id}`,
        "aria-controls": panel.id,
        "data-testid": `code-${tab.id}`,
        click: () => choose(at),
      },
      tab.label,
    ),
  );
  const choose = (chosenAt: number): void => {
    for (const [at, button] of buttons.entries()) {
      button.setAttribute("aria-selected", String(at === chosenAt));
      button.tabIndex = at === chosenAt ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", buttons[chosenAt]!.id);
    chosen(all[chosenAt]!.id);
  };
  const element = h("div", { role: "tablist", class: "tabs", "aria-label": label }, ...buttons);
  element.addEventListener("keydown", (event) => {
    const at = buttons.findIndex((button) => button === event.target);
    const next = at < 0 ? null : target(event.key, at, buttons.length);
    if (next === null) return;
    event.preventDefault();
    choose(next);
    buttons[next]!.focus();
  });
  choose(0);
  return element;
}
