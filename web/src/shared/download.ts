import { h } from "./dom";
import type { Export } from "../jobs/export";

/** Lets the browser save a text made here. */
export const download = ({ name, type, text }: Export): void => save(name, new Blob([text], { type }));

/** Lets the browser save a file made here. */
export function save(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = h("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
