/** Light or dark, or as the system has it. */
import { h } from "../shared/dom";

const KEY = "qwhisk.theme.v1";
const THEMES = { system: "As the system", light: "Light", dark: "Dark" } as const;
type Theme = keyof typeof THEMES;

function stored(): Theme {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === "light" || theme === "dark" ? theme : "system";
  } catch {
    return "system";
  }
}

function apply(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** A choice of the theme, which this browser remembers. */
export function themeSwitch(): HTMLElement {
  const select = h(
    "select",
    { class: "small-select", id: "theme", "data-testid": "theme" },
    ...Object.entries(THEMES).map(([value, label]) => h("option", { value }, label)),
  );
  select.value = stored();
  apply(stored());
  select.addEventListener("change", () => {
    const theme = select.value as Theme;
    apply(theme);
    try {
      if (theme === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      // Storage full or forbidden: the choice lasts until the page is closed.
    }
  });
  return h("div", { class: "footer__theme" }, h("label", { for: "theme" }, "Colours"), select);
}
