import { words } from "./words";
import { significant } from "./numbers";
import type { JobStatus } from "../jobs/job";
import { COMMON_INPUTS } from "./common-inputs";

export const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export const count = (value: number): string => value.toLocaleString("en");

export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  const hundred = share * 100;
  return `${hundred !== 0 && hundred < 0.1 ? "< 0.1" : hundred.toFixed(1)} %`;
}

/** The bits at both ends of a long string, by which a person distinguishes outcomes. */
export function shorten(bits: string, keep = 8): string {
  return bits.length <= 2 * keep + 1 ? bits : `${bits.slice(0, keep)}…${bits.slice(-keep)}`;
}

/** A span of time in words: "8 s", "3 min", "2 h 5 min". */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 1) return "less than 1 s";
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`;
}

/** The time of day, with the date when it is another day. */
export function clock(iso: string, now: Date = new Date()): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return "";
  const day: Intl.DateTimeFormatOptions =
    time.toDateString() === now.toDateString() ? {} : { month: "short", day: "numeric" };
  return time.toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit" });
}

/** Date and time to the second. */
export function moment(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? "–" : time.toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
}

/** Day and time, with the year if it is another one. */
export function dayAndTime(iso: string, now: Date = new Date()): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return "";
  const year: Intl.DateTimeFormatOptions = time.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  return time.toLocaleString([], { ...year, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}

/** When a result is expected, in words; empty if it is unknown. */
export function expected(iso: string | null, now: Date = new Date()): string {
  const ahead = iso ? Date.parse(iso) - now.getTime() : Number.NaN;
  if (Number.isNaN(ahead)) return "";
  if (ahead < 2_000) return "expected any moment";
  return ahead < 90_000 ? `expected in ${span(ahead)}` : `expected in ${span(ahead)}, about ${clock(iso!, now)}`;
}

export const STATUS_WORDS: Record<JobStatus, string> = {
  POOLED: "Waiting for a shared job",
  QUEUED: "Queued",
  RUNNING: "Running",
  DONE: "Done",
  CANCELLED: "Cancelled",
  ERROR: "Error",
  LOST: "Lost",
};

const BACKEND_TYPES: Record<string, string> = {
  hardware: "Hardware",
  simulator: "Simulator",
  noisy_simulator: "Noisy simulator",
};

/** Whether a device is simulated. The simulator's devices have the names of Qiskit's `fake_provider`. */
export const isSimulated = (name: string): boolean => name.startsWith("fake_");

export const backendTypeWords = (type: string, name = ""): string =>
  type === "hardware" && isSimulated(name) ? "Simulated device" : (BACKEND_TYPES[type] ?? type);

/** A device by its name, and that it is simulated. */
export const deviceWords = (name: string): string => (isSimulated(name) ? `${name} (simulated device)` : name);

/** "1,024 shots"; empty if the number is unknown. */
export const shotsOf = (shots: unknown): string =>
  typeof shots === "number" ? `${count(shots)} ${shots === 1 ? "shot" : "shots"}` : "";

/** The input with the names of its fields, in one line. */
export const namedInput = (params: Record<string, unknown>): string =>
  Object.entries(params)
    .filter(([name, value]) => !COMMON_INPUTS.has(name) && value !== null && value !== "")
    .map(([name, value]) => [
      name.replace(/_/g, " "),
      typeof value === "boolean" ? (value ? "yes" : "no") : brief(value),
    ])
    .filter(([, text]) => text !== "")
    .map(([name, text]) => `${name} ${text}`)
    .join(", ")
    .slice(0, 200);

/** The input in one line, without what every function has. */
export function summary(params: Record<string, unknown>): string {
  return Object.entries(params)
    .filter(([name, value]) => !COMMON_INPUTS.has(name) && value !== null && value !== "" && typeof value !== "boolean")
    .map(([, value]) => brief(value))
    .filter(Boolean)
    .join("  ")
    .slice(0, 80);
}

function brief(value: unknown): string {
  if (Array.isArray(value))
    return value.some((item) => typeof item === "object")
      ? `${value.length} rows`
      : value.map((item) => brief(item)).join(", ");
  if (typeof value === "object") return "";
  const text = typeof value === "number" ? significant(value) : words(String(value));
  return text.includes("\n") ? `${text.split("\n").length} lines` : text;
}
