import { h } from "./dom";
import type { Export } from "../jobs/export";

/** Lets the browser save a file made here. */
export function download({ name, type, text }: Export): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
