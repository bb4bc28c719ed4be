/** Names of the service in the words of a person. Pure. */

const NAMES: Record<string, string> = {
  phi_plus: "Φ⁺",
  phi_minus: "Φ⁻",
  psi_plus: "Ψ⁺",
  psi_minus: "Ψ⁻",
  noisy_simulator: "Noisy simulator",
};

/** A name such as `real_amplitudes` in words; other texts stay as they are. */
export function words(text: string): string {
  if (Object.hasOwn(NAMES, text)) return NAMES[text]!;
  if (!/^[a-z]+(_[a-z0-9]+)+$/.test(text)) return text;
  const plain = text.replace(/_/g, " ");
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}
