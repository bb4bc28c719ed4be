/** Names of the service in the words of a person. Pure. */

const NAMES: Record<string, string> = {
  phi_plus: "Φ⁺ (phi plus)",
  phi_minus: "Φ⁻ (phi minus)",
  psi_plus: "Ψ⁺ (psi plus)",
  psi_minus: "Ψ⁻ (psi minus)",
  constant_0: "constant 0",
  constant_1: "constant 1",
  truth_table: "truth table",
  real_amplitudes: "real amplitudes",
};

/** A name that the service uses, in words; other texts stay as they are. */
export const words = (text: string): string => (Object.hasOwn(NAMES, text) ? NAMES[text]! : text);
