/** A question in a dialog. Nothing happens unless the person agrees. */
import { h } from "./dom";

export interface Question {
  title: string;
  text: string;
  /** What the two buttons say. */
  yes: string;
  no: string;
}

/** Asks, and returns whether the person agrees. Escape, and everything but the first button, is a no. */
export function confirmed({ title, text, yes, no }: Question): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (answer: string) => () => dialog.close(answer);
    const keep = h("cds-button", { kind: "secondary", click: end(""), "data-testid": "confirm-no" }, no);
    const dialog = h(
      "dialog",
      {
        class: "confirm",
        "aria-labelledby": "confirm-title",
        "aria-describedby": "confirm-text",
        "data-testid": "confirm",
      },
      h("h2", { id: "confirm-title" }, title),
      h("p", { id: "confirm-text" }, text),
      h(
        "div",
        { class: "confirm__buttons" },
        keep,
        h("cds-button", { kind: "danger", click: end("yes"), "data-testid": "confirm-yes" }, yes),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
    // The harmless one gets the focus, once it is drawn.
    requestAnimationFrame(() => keep.focus());
  });
}
