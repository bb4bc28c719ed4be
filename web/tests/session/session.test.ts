import { expect, test } from "vitest";
import { SESSION_KEY, SessionKeeper } from "../../src/session/session";
import { Memory } from "../memory";

function counted() {
  let made = 0;
  return { create: async () => ({ client_id: `c${++made}`, token: `t${made}` }), made: () => made };
}

test("a session is made once and kept", async () => {
  const memory = new Memory();
  const { create, made } = counted();
  expect((await new SessionKeeper(memory, create).get()).token).toBe("t1");
  expect((await new SessionKeeper(memory, create).get()).token).toBe("t1");
  expect(made()).toBe(1);
});

test("calls refused together share one new session", async () => {
  const { create, made } = counted();
  const keeper = new SessionKeeper(new Memory(), create);
  const heard: string[] = [];
  await keeper.get();
  keeper.onChange(({ token }) => heard.push(token));
  const renewed = await Promise.all([keeper.renew("t1"), keeper.renew("t1")]);
  expect(renewed.map(({ token }) => token)).toEqual(["t2", "t2"]);
  expect(made()).toBe(2);
  expect(heard).toEqual(["t2"]);
  expect((await keeper.renew("t1")).token).toBe("t2");
});

test("a session another tab has renewed is taken over", async () => {
  const memory = new Memory();
  const { create, made } = counted();
  const keeper = new SessionKeeper(memory, create);
  await keeper.get();
  memory.setItem(SESSION_KEY, JSON.stringify({ client_id: "other", token: "theirs" }));
  expect((await keeper.renew("t1")).client_id).toBe("other");
  expect(made()).toBe(1);
});

test("what is stored and cannot be read is no session", async () => {
  const memory = new Memory();
  memory.setItem(SESSION_KEY, "{");
  expect((await new SessionKeeper(memory, counted().create).get()).token).toBe("t1");
});

test("a failed attempt does not stay in the way of the next", async () => {
  let calls = 0;
  const keeper = new SessionKeeper(new Memory(), async () => {
    if (++calls === 1) throw new Error("down");
    return { client_id: "c", token: "t" };
  });
  await expect(keeper.get()).rejects.toThrow("down");
  expect((await keeper.get()).token).toBe("t");
});
