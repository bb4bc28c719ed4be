import { h, setText } from "./dom";

/** How long a button says that it has copied, in milliseconds. */
const SAID = 2_000;

/** Copies a text; false where the browser does not allow it. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOldWay(text);
  }
}

/** For pages without TLS that are not on this machine, where there is no `navigator.clipboard`. */
function copyOldWay(text: string): boolean {
  const area = h("textarea", { class: "visually-hidden", "aria-hidden": "true", tabindex: -1 });
  area.value = text;
  document.body.append(area);
  area.select();
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way there is without TLS
    return document.execCommand("copy");
  } finally {
    area.remove();
  }
}

export function copyButton(label: string, text: () => string, testid?: string): HTMLElement {
  const button = h("button", { type: "button", class: "text-button", "data-testid": testid ?? "copy" }, label);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const act = async (): Promise<void> => {
    setText(button, (await copy(text())) ? "Copied" : "Not copied");
    // That of an earlier copy would end this one's words too soon.
    clearTimeout(timer);
    timer = setTimeout(() => setText(button, label), SAID);
  };
  button.addEventListener("click", () => void act());
  return button;
}
