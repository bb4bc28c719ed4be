/** The choice of light or dark that this browser remembers. */
import type { KeyValue } from "./storage";

/** The key of the choice. */
export const THEME_KEY = "qwhisk.theme.v1";
export type Theme = "system" | "light" | "dark";

/** The remembered choice; without a valid one, that of the system. */
export function rememberedTheme(storage: KeyValue): Theme {
  const theme = storage.getItem(THEME_KEY);
  return theme === "light" || theme === "dark" ? theme : "system";
}
