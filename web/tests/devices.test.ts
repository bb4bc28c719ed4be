import { describe, expect, test } from "vitest";
import type { Backend } from "../src/api/documents";
import { backendOption, kindSummary } from "../src/devices/backends";
import { backendTypeWords, deviceWords } from "../src/shared/format";

const device = (name: string, qubits: number, more: Partial<Backend> = {}): Backend => ({
  name,
  backend_type: "hardware",
  qubits,
  operational: true,
  queue_length: 0,
  ...more,
});

describe("a simulated device is named as one", () => {
  test.each([
    [null, "A quantum processor or a simulated device"],
    [[], "A quantum processor or a simulated device"],
    [[device("fake_fez", 156)], "A simulated device, 156 qubits, no queue"],
    [[device("ibm_fez", 156)], "156 qubits, no queue"],
    [[device("fake_fez", 156), device("fake_oslo", 7)], "2 simulated devices, up to 156 qubits, no queue"],
    [[device("fake_oslo", 7), device("ibm_fez", 156)], "2 devices (1 simulated), up to 156 qubits, no queue"],
    [[device("ibm_oslo", 7), device("ibm_fez", 156)], "2 devices, up to 156 qubits, no queue"],
    [[device("fake_fez", 156, { operational: false })], "None is operational now"],
  ])("under the choice of hardware, with %j", (backends, words) =>
    expect(kindSummary(backends, "hardware")).toBe(words),
  );

  test("in the choice of a device", () => {
    expect(backendOption(device("fake_fez", 156))).toBe("fake_fez · simulated device · 156 qubits · no queue");
    expect(backendOption(device("ibm_fez", 156, { queue_length: 3 }))).toBe("ibm_fez · 156 qubits · 3 in queue");
  });

  test("of a job", () => {
    expect([deviceWords("fake_fez"), backendTypeWords("hardware", "fake_fez")]).toEqual([
      "fake_fez (simulated device)",
      "Simulated device",
    ]);
    expect([deviceWords("ibm_fez"), backendTypeWords("hardware", "ibm_fez")]).toEqual(["ibm_fez", "Hardware"]);
    expect([deviceWords("aer_simulator"), deviceWords("")]).toEqual(["aer_simulator", ""]);
  });
});
