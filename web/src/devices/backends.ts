/** What there is to say about backends where one is chosen. Pure. */
import { count, isSimulated } from "../shared/format";
import type { Backend } from "../api/documents";

const KINDS: Record<string, { label: string; about: string }> = {
  simulator: { label: "Simulator", about: "Noiseless, at once" },
  noisy_simulator: { label: "Noisy simulator", about: "With a real device's noise" },
  hardware: { label: "Hardware", about: "A quantum processor or a simulated device" },
};

export const kindLabel = (type: string, fallback: string): string => KINDS[type]?.label ?? fallback;

const waiting = (backend: Backend): string =>
  backend.queue_length === null
    ? "queue unknown"
    : backend.queue_length === 0
      ? "no queue"
      : `${count(backend.queue_length)} in queue`;

export const ofType = (backends: Backend[], type: string): Backend[] =>
  backends
    .filter((backend) => backend.backend_type === type)
    .sort(
      (a, b) =>
        Number(b.operational) - Number(a.operational) || (a.queue_length ?? Infinity) - (b.queue_length ?? Infinity),
    );

/** One line under a backend type: how many there are and how long one waits. */
export function kindSummary(backends: Backend[] | null, type: string): string {
  const about = KINDS[type]?.about ?? "";
  if (!backends) return about;
  const all = ofType(backends, type);
  const up = all.filter((backend) => backend.operational);
  if (all.length === 0) return about;
  if (up.length === 0) return "None is operational now";
  const most = Math.max(...up.map((backend) => backend.qubits));
  const simulated = up.filter(({ name }) => isSimulated(name)).length;
  const few = simulated > 0 && simulated < up.length ? ` (${simulated} simulated)` : "";
  const devices = up.length > 1 ? `${up.length}${simulated && !few ? " simulated" : ""} devices${few}, up to ` : "";
  const size = `${devices || (simulated ? "A simulated device, " : "")}${most} qubits`;
  return type === "hardware" ? `${size}, ${waiting(up[0]!)}` : about;
}

export function backendOption(backend: Backend): string {
  const simulated = isSimulated(backend.name) ? " · simulated device" : "";
  const state = backend.operational ? waiting(backend) : "not operational";
  return `${backend.name}${simulated} · ${backend.qubits} qubits · ${state}`;
}

/** The option that leaves the choice to the service. */
export function automaticOption(type: string): string {
  return type === "hardware"
    ? "Least busy with enough qubits"
    : type === "noisy_simulator"
      ? "Noise of the least busy device"
      : "Chosen for you";
}
