/** Results in words, from the answer. Pure. */
import { count } from "../shared/format";
import { fixed, measured, sampling, share, significant } from "../shared/numbers";
import type { StoredJob } from "../jobs/job";

type Answer = Record<string, unknown>;
type Explain = (answer: Answer, shots: number | null) => (string | false)[];

const num = (value: unknown): number => (typeof value === "number" ? value : Number.NaN);
const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

const EXPLANATIONS: Record<string, Explain> = {
  amplitude_estimation: (a) => [
    "The circuits were run with more and more rounds of amplification. All counts together fit " +
      `best to a probability of ${measured(num(a.estimate), num(a.error))}.`,
    `The blue band is the 95 % interval: of 100 such intervals about 95 contain the exact value.`,
    num(a.advantage) > 1
      ? "The same number of calls, spent on simple sampling, would give an uncertainty of " +
        `${significant(num(a.classical_error), 2)}. This run needed about ` +
        `${fixed(num(a.advantage), 1)} times fewer calls for its accuracy.`
      : "Simple sampling with the same number of calls would be about as accurate.",
  ],
  bb84: (a) => [
    `Alice and Bob kept the ${count(num(a.sifted))} bits for which they had chosen the same ` +
      `basis, and compared ${count(num(a.compared))} of them.`,
    a.aborted === true
      ? "Too many of these differed. Measuring a qubit disturbs it, so somebody may have listened; " +
        "they threw the key away."
      : `Only ${share(num(a.error_rate))} differed, so an eavesdropper can know little of the rest. They share ` +
        `a key of ${count(num(a.key_bits))} bits.`,
  ],
  bell_state: (a) => [
    `The fidelity, ${share(num(a.fidelity), num(a.fidelity_error))}, says how close the state is ` +
      "to a perfect Bell state. Above 50 % no classical correlation can explain it.",
    a.entangled === true ? "So the two qubits were entangled." : "That is not shown here: the noise may be too strong.",
    "The correlations compare the two qubits in three directions: 1 means always equal, −1 " +
      "always opposite, 0 no relation.",
  ],
  bernstein_vazirani: (a, shots) => [
    `The most frequent outcome is the secret, ${text(a.found)}. ` +
      `${share(num(a.success_probability), shots && sampling(num(a.success_probability), shots))} ` +
      "of the shots gave all its bits.",
    `One question was enough; a classical program needs ${significant(num(a.classical_queries))}, one for each bit.`,
  ],
  deutsch_jozsa: (a) => [
    "If all bits come out as 0, the function is constant; otherwise it is balanced. Here " +
      `${share(num(a.zeros_probability))} of the shots gave only zeros, so it is ` +
      `${text(a.verdict)}.`,
    `One question decided it; a classical program may need ${significant(num(a.classical_queries))} to be sure.`,
  ],
  ghz_state: (a) => [
    "All qubits should give 0, or all should give 1. Together with a measurement of their phase " +
      `this gives a fidelity of ${share(num(a.fidelity), num(a.fidelity_error))}.`,
    a.entangled === true
      ? "Above 50 %, all qubits must be entangled with each other."
      : "It is not above 50 %, so entanglement of all qubits is not shown.",
  ],
  grover: (a, shots) => [
    "The marked elements were found in " +
      `${share(num(a.success_probability), shots && sampling(num(a.success_probability), shots))} ` +
      `of the shots. Guessing finds them in ${share(num(a.guess_probability))}, a device without ` +
      `noise in ${share(num(a.ideal_success_probability))}.`,
    `It took ${significant(num(a.quantum_queries))} questions; a classical program needs ` +
      `${significant(num(a.classical_queries))} on average.`,
  ],
  phase_estimation: (a) => [
    `The phase is ${measured(num(a.phase), num(a.error))} turns. The exact value is ` +
      `${significant(num(a.exact_phase))}.`,
    `A single shot can only give multiples of ${significant(num(a.resolution))}; many shots ` +
      "together are more accurate than that.",
  ],
  qaoa_maxcut: (a) => [
    `The best cut that was measured weighs ${significant(num(a.value))}. The best possible one ` +
      `weighs ${significant(num(a.optimum))}.`,
    `On average the measured cuts weigh ${significant(num(a.average_value), 3)}, and random ones ` +
      `${significant(num(a.random_value), 3)}: the circuit makes good cuts more frequent.`,
  ],
  quantum_fourier_transform: (a) => [
    "A state that repeats itself has a spectrum of few, high peaks. Their distance is the number " +
      "of values divided by the period.",
    `The measured spectrum and the exact one agree by ${share(num(a.fidelity))}; noise fills the ` +
      "gaps between the peaks.",
  ],
  quantum_kernel: (a) => [
    "Each number is the overlap of two data points as quantum states: 1 means equal, 0 means as different as possible.",
    "The largest difference from the exact matrix is " +
      `${significant(num(a.largest_difference), 2)}; ${significant(num(a.expected_error), 2)} is ` +
      "to be expected from the number of shots alone.",
  ],
  random_number: (a) => [
    `${count(num(a.bits_measured))} bits were measured. ${share(num(a.ones))} of them were 1.`,
    a.debiased === true &&
      `Noise can make one value more frequent. That was taken out, which left ${count(num(a.bits_left))} bits.`,
  ],
  run_openqasm: (a) => [
    "The counts show how often each outcome was measured. The leftmost bit is the register's last one.",
    typeof a.fidelity === "number" && `The measured counts and those without noise agree by ${share(a.fidelity)}.`,
  ],
  shor: (a) => [
    `The powers of ${significant(num(a.base))} modulo ${significant(num(a.number))} repeat after ` +
      `${significant(num(a.order))}. The factors ${list(a.factors).map(text).join(" and ")} follow ` +
      "from that by ordinary arithmetic.",
    `${share(num(a.success_rate))} of the shots lead to the factors; random bits would do so in ` +
      `${share(num(a.chance_rate))}. The difference is what the quantum circuit contributes.`,
  ],
  simon: (a) => [
    `Each shot gives an equation for the bits of the secret. ${share(num(a.agreement))} of the ` +
      `shots agree with ${text(a.found)}.`,
    `About ${significant(num(a.quantum_queries))} questions are enough; a classical program ` +
      `needs about ${significant(num(a.classical_queries))}.`,
  ],
  smile_super_position: (a) => [
    "Before the measurement the qubits hold both emoticons. Each measurement shows only one of them, by chance.",
    num(a.others_probability) > 0
      ? `Noise turned some bits around: ${share(num(a.others_probability))} of the shots show something else.`
      : "Every shot showed one of the two, because this backend has no noise.",
  ],
  superdense_coding: (a, shots) => [
    `${significant(num(a.qubits_sent))} qubits carried ${text(a.message).length} bits. The whole ` +
      `message arrived in ${share(num(a.success), shots && sampling(num(a.success), shots))} of ` +
      "the transmissions.",
    "Each qubit carries two bits because its partner was with the receiver before.",
  ],
  teleportation: (a) => [
    "The received state agrees with the sent one by " +
      `${share(num(a.fidelity), num(a.fidelity_error))}. Without entanglement at most 66.7 % is ` +
      "possible.",
    "The arrows on the spheres show both states. A shorter arrow means that noise has mixed the state.",
    "Alice's two bits are random, so they tell nothing about the state; the receiver needs them to turn the qubit.",
  ],
  vqe: (a) => [
    `The lowest measured energy is ${measured(num(a.energy), num(a.uncertainty))}. The exact one ` +
      `is ${significant(num(a.exact_energy), 5)}.`,
    "Without noise and chance the measured energy cannot be below the exact one. Noise mostly raises it.",
  ],
};

/** The explanation of a result; empty if there is none for its function. */
export function explain(job: StoredJob): string[] {
  if (!job.answer || !Object.hasOwn(EXPLANATIONS, job.function)) return [];
  return (
    EXPLANATIONS[job.function]!(job.answer, job.result?.shots ?? null)
      .filter((line): line is string => line !== false)
      // A number that the answer does not have.
      .filter((line) => !/NaN|–/.test(line))
  );
}
