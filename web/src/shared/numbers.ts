/** Numbers with as many digits as are known. Pure. */

const MINUS = "−";
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
/** Differences below this are left by rounding. */
const ROUNDING = 1e-9;

const superscript = (power: number): string =>
  String(power)
    .replace("-", "⁻")
    .replace(/\d/g, (digit) => SUPERSCRIPTS.charAt(Number(digit)));

const signed = (text: string): string => text.replace(/^-/, MINUS);

/** A number with `decimals` places, grouped in thousands. */
export const fixed = (value: number, decimals: number): string =>
  signed(
    (Math.abs(value) < 0.5 * 10 ** -decimals ? 0 : value).toLocaleString("en", {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    }),
  );

/** A number without a known uncertainty: an integer as it is, others with a few significant digits. */
export function significant(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return "–";
  const whole = Math.round(value);
  if (Math.abs(value - whole) < ROUNDING * Math.max(1, Math.abs(value)) && Math.abs(value) < 1e15)
    return signed((whole === 0 ? 0 : whole).toLocaleString("en"));
  const power = Math.floor(Math.log10(Math.abs(value)));
  if (power < -3 || power >= 9)
    return `${signed((value / 10 ** power).toPrecision(Math.min(digits, 3)))} × 10${superscript(power)}`;
  const rounded = Number(value.toPrecision(digits));
  return signed(rounded.toLocaleString("en", { maximumFractionDigits: Math.max(0, digits - 1 - power) }));
}

/** The decimal places that an uncertainty leaves, by the Particle Data Group's rule: two digits of it up to 0.354. */
export function places(error: number): number {
  const power = Math.floor(Math.log10(error));
  const first = error / 10 ** power;
  return Math.min(12, Math.max(0, (first < 3.55 ? 1 : 0) - power));
}

/** "0.930 ± 0.008": a value with the digits that its uncertainty leaves. */
export function measured(value: number, error: number | null | undefined): string {
  if (typeof error !== "number" || !Number.isFinite(error) || error <= 0) return significant(value);
  const decimals = places(error);
  return `${fixed(value, decimals)} ± ${fixed(error, decimals)}`;
}

/** "93.0 ± 0.8 %": a share of one; without an uncertainty one decimal place. */
export function share(value: number, error?: number | null): string {
  if (typeof error === "number" && error > 0) return `${measured(value * 100, error * 100)} %`;
  const percent = value * 100;
  const whole = Math.abs(percent - Math.round(percent)) < ROUNDING;
  return `${fixed(percent, whole ? 0 : 1)} %`;
}

/** The standard error of a share that was seen in `shots` runs; not zero where it was seen always or never. */
export function sampling(value: number, shots: number): number {
  const smoothed = (value * shots + 0.5) / (shots + 1);
  return Math.sqrt((smoothed * (1 - smoothed)) / shots);
}

/** The standard error of an average of values that are 1 or -1, seen in `shots` runs. */
export const signSampling = (average: number, shots: number): number => 2 * sampling((1 + average) / 2, shots);
