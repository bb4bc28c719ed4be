/** Light or dark, or as the system has it. */
import { h } from "../shared/dom";
import type { KeyValue } from "../shared/storage";
import { rememberedTheme, type Theme, THEME_KEY } from "../shared/theme";

const THEMES: Record<Theme, string> = { system: "As the system", light: "Light", dark: "Dark" };

function apply(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** A choice of the theme, which this browser remembers. */
export function themeSwitch(storage: KeyValue): HTMLElement {
  const select = h(
    "select",
    { class: "small-select", id: "theme", "data-testid": "theme" },
    ...Object.entries(THEMES).map(([value, label]) => h("option", { value }, label)),
  );
  const remembered = rememberedTheme(storage);
  select.value = remembered;
  apply(remembered);
  select.addEventListener("change", () => {
    const theme = select.value as Theme;
    apply(theme);
    try {
      if (theme === "system") storage.removeItem(THEME_KEY);
      else storage.setItem(THEME_KEY, theme);
    } catch {
      // Storage full: the choice lasts until the page is closed.
    }
  });
  return h("div", { class: "footer__theme" }, h("label", { for: "theme" }, "Colours"), select);
}
