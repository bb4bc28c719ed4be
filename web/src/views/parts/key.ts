/** Key distribution: how many bits are left after each stage, from the qubits that were sent to the key. */
import { h } from "../../shared/dom";
import { count } from "../../shared/format";
import { share } from "../../shared/numbers";
import { NOTHING, type View } from "../view";

export const keyView: View = (job) => {
  const { qubits, sifted, compared, key_bits: key, error_rate: rate, corrected, disclosed } = job.answer ?? {};
  const stages = [qubits, sifted, compared, key];
  if (!stages.every((one): one is number => typeof one === "number")) return NOTHING;
  const [sent, same, revealed, left] = stages as [number, number, number, number];
  const rows: [string, string, number][] = [
    ["Sent", "Alice sends a random bit on each qubit, in one of two bases.", sent],
    ["Same basis", "Bob measured these in the basis in which they were sent. The others are thrown away.", same],
    [
      "Compared",
      `Compared in public and thrown away. ${typeof rate === "number" ? `${share(rate)} differed.` : ""}`,
      revealed,
    ],
    ["Not compared", "What is left for the key.", same - revealed],
    [
      "Key",
      [
        typeof corrected === "number" ? `${count(corrected)} errors were corrected` : "",
        typeof disclosed === "number" ? `for which ${count(disclosed)} parities were made public` : "",
      ]
        .filter(Boolean)
        .join(", ") + ". What an eavesdropper could know is taken out.",
      left,
    ],
  ];
  return {
    picture: h(
      "section",
      { class: "answer", "data-testid": "key-stages" },
      h("h3", {}, "From qubits to the key, in bits"),
      h("ol", { class: "stages" }, ...rows.map(([name, text, number]) => stage(name, text, number, sent))),
    ),
    fields: ["qubits", "sifted", "compared", "corrected", "disclosed", "key_bits", "error_rate"],
  };
};

function stage(name: string, text: string, number: number, most: number): HTMLElement {
  const bar = h("span", { class: "bar__value bar__value--measured" });
  bar.style.inlineSize = `${(100 * number) / Math.max(1, most)}%`;
  return h(
    "li",
    { class: "stage-row" },
    h("span", { class: "stage-row__name" }, name),
    h("span", { class: "stage-row__number" }, count(number)),
    h("span", { class: "bar__track stage-row__track", "aria-hidden": "true" }, bar),
    h("span", { class: "stage-row__text" }, text),
  );
}
