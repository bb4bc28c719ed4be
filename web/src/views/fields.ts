/**
 * What the fields of answers mean: their titles, and how their numbers are written.
 *
 * The gateway does not publish a schema of the answers. A field that is not listed here is shown with its name in
 * words and its number with four significant digits.
 */
import { fixed, measured, sampling, share, significant, signSampling } from "../shared/numbers";
import { humanize } from "../form/schema";
import { words } from "../shared/words";

interface Meaning {
  title?: string;
  /** A share is written in percent. A sampled one is what was seen in the job's shots. */
  kind?: "share" | "sampled" | "expectation" | "times";
  /** Shown elsewhere: in the counts, or as the job's data. */
  elsewhere?: boolean;
  /** Significant digits of a number that is itself an estimate of an error; otherwise four. */
  digits?: number;
  /** The field that has this one's uncertainty. */
  error?: string;
}

const FIELDS: Record<string, Meaning> = {
  advantage: { title: "Fewer calls than a classical estimate", kind: "times" },
  agreement: { title: "Shots that agree", kind: "sampled" },
  alice: { title: "Alice's two bits", kind: "sampled" },
  alignment: { title: "Alignment with the exact kernel" },
  all_one: { title: "All qubits gave 1", kind: "sampled" },
  all_zero: { title: "All qubits gave 0", kind: "sampled" },
  approximation_ratio: { title: "Share of the best cut", kind: "share" },
  average_value: { title: "Average measured cut" },
  bit_agreement: { title: "Bits read right", kind: "share" },
  bits_left: { title: "Bits used" },
  chance_rate: { title: "Success by chance alone", kind: "share" },
  classical_error: { title: "Uncertainty of a classical estimate", digits: 2 },
  classical_queries: { title: "Questions of a classical program" },
  eve_knew: { title: "Bits that the eavesdropper read right", kind: "share" },
  correlations: { title: "Correlations", kind: "expectation" },
  debiased: { title: "Bias taken out" },
  decay: { title: "Decay for each round" },
  entangled: { title: "Entanglement shown" },
  exact_phase: { title: "Exact phase, in turns" },
  energy: { title: "Energy", error: "uncertainty" },
  error: { title: "Difference from the exact value", error: "uncertainty" },
  error_rate: { title: "Bits that differ", kind: "share" },
  estimate: { title: "Estimated probability", error: "error" },
  expected_error: { title: "Expected statistical error", digits: 2 },
  fidelity: { title: "Fidelity", error: "fidelity_error", kind: "share" },
  found: { title: "What was found" },
  guess_probability: { title: "Found by guessing", kind: "share" },
  ideal_success_probability: { title: "Found without noise", kind: "share" },
  ideal_value: { title: "Average cut without noise" },
  key: { title: "Secret key" },
  key_bits: { title: "Bits of the key" },
  keys_match: { title: "Alice and Bob have the same key" },
  largest_difference: { title: "Largest difference from the exact kernel", digits: 2 },
  lower: { title: "95 % interval, lower end" },
  measured_all: { title: "All qubits measured at the end" },
  ones: { title: "Share of ones", kind: "share" },
  openqasm: { title: "OpenQASM version" },
  optimum: { title: "Best possible cut" },
  optimum_probability: { title: "Shots with the best cut", kind: "sampled" },
  outcomes: { elsewhere: true },
  pairs: { title: "Read right, by pair of bits", kind: "share" },
  phase: { title: "Phase, in turns", error: "error" },
  positive_semidefinite: { title: "Usable as a kernel (no negative eigenvalue)" },
  quantum_queries: { title: "Questions of the quantum program" },
  random_value: { title: "Average cut by chance" },
  registers: { elsewhere: true },
  settings: { title: "Measurement settings" },
  shots: { elsewhere: true },
  signal: { title: "Share that comes from the circuit", kind: "share" },
  smallest_eigenvalue: { title: "Smallest eigenvalue", digits: 2 },
  success: { title: "Whole message read right", kind: "sampled" },
  success_probability: { title: "Shots that found it", kind: "sampled" },
  success_rate: { title: "Shots that lead to the factors", kind: "sampled" },
  upper: { title: "95 % interval, upper end" },
  value: { title: "Weight of the cut" },
  zeros_probability: { title: "Shots with all bits 0", kind: "sampled" },
};

/** What the fields of lists and of lists' rows mean. */
const SHARES = new Set(["probability", "ideal_probability", "share"]);

/** The fields of an answer as title and text, those that are another's uncertainty left out. */
export function described(answer: Record<string, unknown>, shots: number | null): [string, unknown][] {
  const errors = new Set(
    Object.keys(answer).flatMap((name) => {
      // `error` is itself an uncertainty in some answers and a difference in others.
      const error = meaning(name).error;
      return error !== undefined && typeof answer[error] === "number" ? [error] : [];
    }),
  );
  return Object.entries(answer)
    .filter(([name]) => !errors.has(name) && !meaning(name).elsewhere)
    .map(([name, value]) => [meaning(name).title ?? humanize(name), written(name, value, answer, shots)]);
}

const meaning = (name: string): Meaning => (Object.hasOwn(FIELDS, name) ? FIELDS[name]! : {});

function written(name: string, value: unknown, answer: Record<string, unknown>, shots: number | null): unknown {
  const { kind, error, digits } = meaning(name);
  if (Array.isArray(value) && kind === "share" && value.every((item) => typeof item === "number"))
    return value.map((item: number) => share(item)).join(", ");
  if (typeof value === "object" && value !== null && !Array.isArray(value) && kind)
    return Object.fromEntries(
      Object.entries(value).map(([part, one]) => [
        part,
        typeof one === "number" ? numeric(kind, one, null, shots) : one,
      ]),
    );
  if (typeof value !== "number") return value;
  if (digits !== undefined) return significant(value, digits);
  const uncertainty = error === undefined ? null : (answer[error] as number | null | undefined);
  return numeric(kind, value, uncertainty ?? null, shots);
}

function numeric(kind: Meaning["kind"], value: number, uncertainty: number | null, shots: number | null): string {
  switch (kind) {
    case "share":
      return share(value, uncertainty);
    case "expectation":
      return measured(value, shots ? signSampling(value, shots) : null);
    case "sampled":
      return share(value, shots ? sampling(value, shots) : null);
    case "times":
      return `${fixed(value, 1)} times`;
    default:
      return uncertainty ? measured(value, uncertainty) : significant(value);
  }
}

/** A number or text of a table's cell. */
export function cellText(column: string, value: unknown): string {
  if (typeof value === "number") return SHARES.has(column) ? share(value) : significant(value);
  if (typeof value === "boolean") return value ? "Yes" : "No";
  return typeof value === "string" ? words(value) : "–";
}
