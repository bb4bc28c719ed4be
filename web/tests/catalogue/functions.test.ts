import { expect, test } from "vitest";
import type { QuantumFunction } from "../../src/api/documents";
import { FunctionList } from "../../src/catalogue/functions";

const GROVER = { id: "grover" } as QuantumFunction;
const QAOA = { id: "qaoa_maxcut" } as QuantumFunction;

/** A list whose gateway gives one of these answers after the other; an error is thrown. */
function list(...answers: (QuantumFunction[] | Error)[]): FunctionList {
  return new FunctionList({
    functions() {
      const answer = answers.shift()!;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  });
}

test("only changes are new", async () => {
  const functions = list([GROVER], [GROVER], [GROVER, QAOA]);
  expect([await functions.load(), await functions.load(), await functions.load()]).toEqual([true, false, true]);
  expect(functions.find("qaoa_maxcut")).toEqual(QAOA);
});

test("a failure is new as long as there are no functions, and removes none", async () => {
  const functions = list(new Error("gone"), [GROVER], new Error("gone again"));
  expect(await functions.load()).toBe(true);
  expect(functions.failure).not.toBeNull();
  expect(functions.find("grover")).toBeUndefined();
  expect(await functions.load()).toBe(true);
  expect(await functions.load()).toBe(false);
  expect(functions.find("grover")).toEqual(GROVER);
});
