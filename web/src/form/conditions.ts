/** Which fields apply to the values of the others. Pure. */
import type { JsonSchema } from "../api/documents";

/** A field applies while another has one of these values. */
export interface Condition {
  field: string;
  values: string[];
}

/**
 * Conditions that the published schemas state in words only. A property may state its own as
 * `"x-when": {"problem": ["marked"]}`, which takes precedence.
 */
const STATED_IN_WORDS: Record<string, Record<string, Condition>> = {
  amplitude_estimation: {
    probability: { field: "problem", values: ["bernoulli"] },
    qubits: { field: "problem", values: ["marked"] },
    marked: { field: "problem", values: ["marked"] },
  },
  deutsch_jozsa: {
    mask: { field: "kind", values: ["balanced"] },
    input_bits: { field: "kind", values: ["constant_0", "constant_1"] },
  },
  quantum_fourier_transform: {
    qubits: { field: "state", values: ["periodic", "basis"] },
    period: { field: "state", values: ["periodic"] },
    offset: { field: "state", values: ["periodic"] },
    value: { field: "state", values: ["basis"] },
  },
  random_number: {
    low: { field: "kind", values: ["integers"] },
    high: { field: "kind", values: ["integers"] },
  },
};

/** The condition of each field that has one: from `x-when`, from `if` and `else`, or known of the function. */
export function conditions(functionId: string, schema: JsonSchema): Map<string, Condition> {
  const known = Object.hasOwn(STATED_IN_WORDS, functionId) ? STATED_IN_WORDS[functionId]! : {};
  const all = new Map<string, Condition>();
  const properties = schema.properties ?? {};
  for (const [name, condition] of Object.entries(known)) if (name in properties) all.set(name, condition);
  const [deciding] = Object.entries(schema.if?.properties ?? {});
  if (deciding?.[1].const !== undefined)
    for (const [name, { type }] of Object.entries(schema.else?.properties ?? {}))
      if (type === "null") all.set(name, { field: deciding[0], values: [String(deciding[1].const)] });
  for (const [name, property] of Object.entries(properties)) {
    const [when] = Object.entries(property["x-when"] ?? {});
    if (when && Array.isArray(when[1])) all.set(name, { field: when[0], values: when[1].map(String) });
  }
  return all;
}

/** True if the field can have one value only: there is nothing to choose. */
export const isFixed = ({ minimum, maximum }: JsonSchema): boolean => minimum !== undefined && minimum === maximum;
