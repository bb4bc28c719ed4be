/** The control that fits a field. */
import type { Field } from "../form/schema";
import { graphPicture, toGraph } from "../views/graph";
import { RadioControl, SelectControl, SwitchControl } from "./choice";
import type { Control } from "./control";
import { MatrixControl } from "./matrix";
import { QasmControl } from "./qasm";
import { RowsControl, type RowsOptions } from "./rows";
import { TextControl } from "./text";

/** A group of more options than this becomes a drop-down list. */
const MOST_RADIOS = 4;

/** Pixels of a graph's picture beside its edges. */
const PREVIEW = 176;

const EDGES: RowsOptions = {
  row: "edge",
  columns: [
    { label: "From", numeric: true, fresh: "" },
    { label: "To", numeric: true, fresh: "" },
    { label: "Weight", numeric: true, fresh: "1" },
  ],
  preview: (rows) => {
    const graph = toGraph({ edges: rows });
    return graph && graph.edges.length > 0 ? graphPicture(graph, null, PREVIEW) : null;
  },
};

const TERMS: RowsOptions = {
  row: "term",
  columns: [
    { label: "Pauli string", numeric: false, fresh: "", wide: true },
    { label: "Coefficient", numeric: true, fresh: "1" },
  ],
};

export function makeControl(field: Field): Control {
  switch (field.kind) {
    case "choice":
      return choiceControl(field);
    case "boolean":
      return field.required || field.initial !== "" || !field.nullable
        ? new SwitchControl(field)
        : choiceControl({
            ...field,
            kind: "choice",
            choices: [true, false].map((value) => ({ value, label: value ? "Yes" : "No" })),
          });
    case "graph":
      return new RowsControl(field, EDGES);
    case "terms":
      return new RowsControl(field, TERMS);
    case "matrix":
      return new MatrixControl(field);
    case "openqasm":
      return new QasmControl(field);
    default:
      return new TextControl(field);
  }
}

function choiceControl(field: Field): Control {
  const options = field.choices.map(({ value, label }) => ({ value: String(value), label }));
  const optional = !field.required && field.initial === "";
  return options.length <= MOST_RADIOS && !optional
    ? new RadioControl(field, options)
    : new SelectControl(field, optional ? [{ value: "", label: "No choice" }, ...options] : options);
}
