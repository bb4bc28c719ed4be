import { afterEach, expect, test, vi } from "vitest";
import { Api, ApiError, problemToError } from "../../src/api/api";
import { SessionKeeper } from "../../src/session/session";
import { Memory } from "../memory";

afterEach(() => void vi.unstubAllGlobals());

function api(...answers: (Response | Error)[]) {
  let made = 0;
  const fetched = vi.fn(async (_url: string, _init: RequestInit) => {
    const answer = answers.shift()!;
    if (answer instanceof Error) throw answer;
    return answer;
  });
  vi.stubGlobal("fetch", fetched);
  const session = new SessionKeeper(new Memory(), async () => ({ client_id: `c${++made}`, token: `t${made}` }));
  const tokens = () => fetched.mock.calls.map(([, init]) => (init.headers as Record<string, string>).Authorization);
  const keys = () => fetched.mock.calls.map(([, init]) => (init.headers as Record<string, string>)["Idempotency-Key"]);
  const urls = () => fetched.mock.calls.map(([url]) => url);
  return { api: new Api(session), tokens, keys, urls };
}

const refused = () => Response.json({ title: "Unauthorized", status: 401 }, { status: 401 });

test("a refused token is answered with a new session, silently", async () => {
  const { api: gateway, tokens } = api(refused(), Response.json({ functions: [] }));
  expect(await gateway.functions()).toEqual([]);
  expect(tokens()).toEqual(["Bearer t1", "Bearer t2"]);
});

test("and once", async () => {
  const { api: gateway, tokens } = api(refused(), refused());
  await expect(gateway.functions()).rejects.toMatchObject({ status: 401 });
  expect(tokens()).toHaveLength(2);
});

test("a problem in the body alone is a problem all the same", async () => {
  const inBody = (status: number) =>
    new Response(JSON.stringify({ title: "T", status, detail: "D" }), {
      headers: { "Content-Type": "application/problem+json" },
    });
  const { api: gateway, tokens } = api(inBody(401), Response.json({ jobs: [] }), inBody(422));
  expect(await gateway.jobs()).toEqual([]);
  expect(tokens()).toEqual(["Bearer t1", "Bearer t2"]);
  await expect(gateway.jobs()).rejects.toMatchObject({ status: 422, title: "T", message: "D" });
});

test("without a network nothing is tried", async () => {
  const { api: gateway, tokens } = api();
  vi.stubGlobal("navigator", { onLine: false });
  await expect(gateway.jobs()).rejects.toMatchObject({ status: 0, title: "You are offline" });
  expect(tokens()).toEqual([]);
});

test("a large result is fetched by its job's id, from the gateway and from nowhere else", async () => {
  const { api: gateway, tokens, urls } = api(Response.json({ counts: { c: { "0": 1 } } }), Response.json({}));
  expect(await gateway.result("p1")).toEqual({ counts: { c: { "0": 1 } } });
  expect(tokens()).toEqual(["Bearer t1"]);
  await gateway.result("//elsewhere/../r");
  expect(urls()).toEqual(["api/v1/jobs/p1/result", "api/v1/jobs/%2F%2Felsewhere%2F..%2Fr/result"]);
});

test("a problem document is told in its own words, with its fields", () => {
  const error = problemToError(422, {
    title: "Invalid input",
    detail: "One field.",
    errors: [
      { field: "body.shots", message: "Too many." },
      { field: "/emoticon_1", message: "Too long." },
      { field: "edges.2.0", message: "No node." },
    ],
  });
  expect(error).toMatchObject({
    status: 422,
    title: "Invalid input",
    message: "One field.",
    fields: [
      { field: "shots", message: "Too many." },
      { field: "emoticon_1", message: "Too long." },
      { field: "edges", message: "No node." },
    ],
  });
});

test("what is no problem document is told in ours", async () => {
  const { api: gateway } = api(
    new Response("<html>", { status: 502 }),
    new TypeError("fetch failed"),
    new Response("<html>", { status: 200 }),
    new Response("{}", { status: 429, headers: { "Retry-After": "12" } }),
  );
  await expect(gateway.jobs()).rejects.toMatchObject({ status: 502, title: "The service has a problem" });
  await expect(gateway.jobs()).rejects.toMatchObject({ status: 0, title: "No answer from the gateway" });
  await expect(gateway.jobs()).rejects.toBeInstanceOf(ApiError);
  await expect(gateway.jobs()).rejects.toMatchObject({ message: "The service asks for a pause. Try again in 12 s." });
});

test("a submission whose answer is lost is repeated with the same key, and the next one has another", async () => {
  vi.useFakeTimers();
  const accepted = () => Response.json({ process_job_id: "p" }, { status: 202 });
  const conflict = Response.json({ title: "Conflict", status: 409 }, { status: 409 });
  const { api: gateway, keys } = api(new Error("lost"), conflict, accepted(), accepted());
  const submitted = gateway.submit("f", {});
  await vi.runAllTimersAsync();
  expect(await submitted).toEqual({ process_job_id: "p" });
  await gateway.submit("f", {});
  vi.useRealTimers();
  const [first, second, third, other] = keys();
  expect(first).toMatch(/^[0-9a-f]{32}$/);
  expect([second, third]).toEqual([first, first]);
  expect(other).not.toEqual(first);
});

test("a submission that is rejected is not repeated", async () => {
  const { api: gateway, keys } = api(Response.json({ title: "Invalid input", status: 422 }, { status: 422 }));
  await expect(gateway.submit("f", {})).rejects.toMatchObject({ status: 422 });
  expect(keys()).toHaveLength(1);
});

test("all pages of the jobs are fetched", async () => {
  const { api: gateway, urls } = api(
    Response.json({ jobs: [{ process_job_id: "a" }], next: "x=" }),
    Response.json({ jobs: [{ process_job_id: "b" }], next: null }),
  );
  expect((await gateway.jobs()).map((job) => job.process_job_id)).toEqual(["a", "b"]);
  expect(urls()).toEqual(["api/v1/jobs", "api/v1/jobs?cursor=x%3D"]);
});
