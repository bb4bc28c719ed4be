/** Pages of text: the help, and what is shown at an address that does not exist. */
import { h } from "../shared/dom";
import { toHash } from "./route";

const heading = (text: string): HTMLElement => h("h1", { id: "page-title", tabindex: -1 }, text);

export function notFound(hash: string): HTMLElement {
  return h(
    "div",
    { "data-testid": "not-found" },
    h(
      "header",
      { class: "page-head" },
      heading("There is no such page"),
      h(
        "p",
        { class: "page-head__lead" },
        `The address ${hash.slice(0, 100)} leads nowhere. The link may be old or cut off.`,
      ),
    ),
    h("p", { class: "text" }, h("a", { href: toHash({ page: "functions" }) }, "Show all functions")),
  );
}

const HELP: [string, string[]][] = [
  [
    "Run a function",
    [
      "Choose a function and press Run. Every form starts with an example, so you can run it as it is.",
      "Choose where it runs: the simulator is exact and fast, the noisy simulator makes a real " +
        "device's errors, and hardware is a quantum processor with a queue. A device whose name begins with " +
        "fake_ is simulated: it has the queue and the errors of a real one, and no quantum computer is involved.",
      "You may close the page while a job waits. The result is there when you come back.",
    ],
  ],
  [
    "Read a result",
    [
      "The sentence at the top is the answer. Below it are the picture, the numbers and the counts.",
      "0.930 ± 0.008 means: the measured value is 0.930, and repeating the measurement would give " +
        "a value within 0.008 of it about two times out of three.",
      "A shot is one run of the circuit with one measurement. More shots make the uncertainty " +
        "smaller: four times as many halve it.",
      "Ideal is what a device without noise would give.",
    ],
  ],
  [
    "Find a result again",
    [
      "Jobs lists up to 1,000 of your latest jobs. Search by name, function, input or device. You " +
        "can name a job below its result.",
      "Results are kept in this browser alone. Another browser, or another person, does not see " +
        "them. Download what you want to keep.",
      "Remove deletes a job from this browser. Erase data deletes its input and result at the service " +
        "too; a copy in another browser stays until it is removed there.",
    ],
  ],
  [
    "Keyboard",
    [
      "/ moves to the search among the functions. Enter in a field runs the function. In a " +
        "program, press Ctrl and Enter.",
    ],
  ],
];

export function helpPage(): HTMLElement {
  return h(
    "div",
    { class: "help", "data-testid": "help" },
    h("header", { class: "page-head" }, heading("Help")),
    ...HELP.map(([title, lines]) =>
      h("section", { class: "help__part" }, h("h2", {}, title), h("ul", {}, ...lines.map((line) => h("li", {}, line)))),
    ),
  );
}
