import { describe, expect, test, vi } from "vitest";
import { ApiError } from "../../src/api/api";
import type { FunctionDetails, JsonSchema } from "../../src/api/documents";
import { AnswerMeanings, ANSWERS_KEY } from "../../src/catalogue/answers";
import { Memory } from "../memory";

const schema = (title: string): JsonSchema => ({ properties: { key: { title } } });
const details = (id: string, output_schema: JsonSchema | null): FunctionDetails => ({
  id,
  input_schema: {},
  output_schema,
});

function meanings(
  answer: (id: string) => FunctionDetails | Error,
  storage = new Memory(),
): { all: AnswerMeanings; asked: string[]; changed: () => number } {
  const [asked, changed] = [[] as string[], vi.fn()];
  const api = {
    function: async (id: string): Promise<FunctionDetails> => {
      asked.push(id);
      const found = answer(id);
      if (found instanceof Error) throw found;
      return found;
    },
  };
  return { all: new AnswerMeanings(api, storage, changed), asked, changed: () => changed.mock.calls.length };
}
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

describe("the meaning of answers", () => {
  test("is requested once, and the page is drawn again when it is there", async () => {
    const { all, asked, changed } = meanings((id) => details(id, schema("Secret key")));
    expect(all.of("bb84").fields).toEqual({});
    await settled();
    expect([all.of("bb84").fields.key!.title, changed(), asked]).toEqual(["Secret key", 1, ["bb84"]]);
    expect(all.of("bb84")).toBe(all.of("bb84"));
  });

  test("is known at the next start without a network, and not drawn again if it is the same", async () => {
    const storage = new Memory();
    meanings((id) => details(id, schema("Secret key")), storage).all.of("bb84");
    await settled();
    const offline = meanings(() => new ApiError(0, "You are offline", ""), storage);
    expect(offline.all.of("bb84").fields.key!.title).toBe("Secret key");
    const same = meanings((id) => details(id, schema("Secret key")), storage);
    const before = same.all.of("bb84");
    await settled();
    expect([same.all.of("bb84") === before, same.changed()]).toEqual([true, 0]);
  });

  test("is requested again only after a while, whether it was answered or not", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { all, asked } = meanings(() => new ApiError(503, "Busy", ""));
    for (const later of [0, 59_000, 1_001]) {
      vi.setSystemTime(Date.now() + later);
      all.of("bb84");
      await settled();
    }
    vi.useRealTimers();
    expect(asked).toHaveLength(2);
  });

  test("is bounded in the browser, and what cannot be read there is ignored", async () => {
    const storage = new Memory();
    const { all } = meanings((id) => details(id, schema(id === "large" ? "x".repeat(20_000) : id)), storage);
    for (const id of ["large", ...Array.from({ length: 50 }, (_, at) => `f${at}`)]) {
      all.of(id);
      await settled();
    }
    const kept = (JSON.parse(storage.getItem(ANSWERS_KEY)!) as { schemas: Record<string, unknown> }).schemas;
    expect(Object.keys(kept)).toEqual(Array.from({ length: 40 }, (_, at) => `f${at + 10}`));
    for (const broken of ["{", "null", '{"v":1,"schemas":{"bb84":null}}', '{"v":1,"schemas":[3]}', '{"v":2}']) {
      storage.setItem(ANSWERS_KEY, broken);
      expect(meanings((id) => details(id, null), storage).all.of("bb84").fields).toEqual({});
    }
  });

  test("is nothing for a function without a schema", async () => {
    const { all } = meanings((id) => details(id, null));
    all.of("f");
    await settled();
    expect(all.of("f").fields).toEqual({});
  });
});
