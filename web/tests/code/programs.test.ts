import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { KEY, TIMEOUT, toCall, type Language } from "../../src/code/call";
import { isPrintable, LANGUAGES } from "../../src/code/languages";
import { oddInput } from "./odd";
import { receiver } from "./receiver";

/** The command for the program of each language, and the name of its file. */
const COMMANDS: Record<string, [string, string]> = {
  curl: ["sh", "call.sh"],
  python: ["python3", "call.py"],
  javascript: [process.execPath, "call.mjs"],
  java: ["java", "Call.java"],
};
const POOLED = { process_job_id: "an-id", status: "POOLED", queue_position: 3, provider_jobs: [], answer: null };
const RUNNING = { params: { status: "DONE" }, process_job_id: "an-id", status: "RUNNING", answer: null };
/** With real line breaks and control characters, and with backslashes that are no escapes. */
const SUMMARY = `${String.raw`"yes" \ $HOME $(id) 'no' \n \u0041 \\ / %s %d`} é ж 中 😀\n\tb\b f\f r\r\x1f\x7f 1"`;
/** Fields with the names that programs read, in other places of the document, before and after the right ones. */
const DECOYS = {
  status: "RUNNING",
  process_job_id: "another",
  result_url: "https://elsewhere.example/",
  answer: { summary: "a wrong one" },
  texts: ["summary", ",", "}", "]", ":", "{", "[", '"status": "RUNNING"', '\\"summary": "a wrong one"'],
  "": [[], {}, [{}], null, true, false, -1.5e-7],
};
const DONE = {
  params: DECOYS,
  process_job_id: "an-id",
  status: "DONE",
  result: { counts: Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`outcome_${at}`, at])) },
  answer: { first: { summary: "a wrong one" }, summary: SUMMARY, values: [":", '"summary"'], last: DECOYS },
  later: DECOYS,
};
/** Milliseconds for starting an interpreter on a busy machine; Java compiles its program first. */
const LONG = 120_000;

interface Ended {
  code: number;
  out: string;
  error: string;
}

/** Runs a program as it is printed. */
async function run({ id }: Language, program: string, env: Record<string, string> = {}): Promise<Ended> {
  const folder = await mkdtemp(join(tmpdir(), "qwhisk-program-"));
  const [command, file] = COMMANDS[id]!;
  const environment = { PATH: process.env.PATH, HOME: folder, LC_ALL: "C.UTF-8", ...env };
  try {
    await writeFile(join(folder, file), program);
    return await new Promise((resolve) =>
      execFile(
        command,
        [file],
        { cwd: folder, env: environment, timeout: LONG, maxBuffer: 2 ** 24 },
        (failure, out, error) => resolve({ code: failure ? Number(failure.code ?? -1) : 0, out, error }),
      ),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

const installed = ({ id }: Language): boolean => spawnSync(COMMANDS[id]![0], ["-version"]).error === undefined;

/** Inputs of nearly the greatest length, because of escapes and because of indentation. */
const LONGEST: Record<string, unknown>[] = [
  { text: "ж\n".repeat(7_490) },
  { list: Array.from({ length: 62 }).reduce<unknown>((list) => [list], Array(370).fill(1)) },
];

test("the random inputs fit into a program", () =>
  expect([1, 2, 3].map((seed) => isPrintable(oddInput(seed)))).toEqual([true, true, true]));

describe.each(LANGUAGES.map((language) => ({ label: language.label, language })))("$label", ({ language }) => {
  // Only Java may be missing, on a developer's machine or in CI; without the others a test fails.
  const ready = test.skipIf(language.id === "java" && !installed(language));

  ready.each(language.id === "java" ? [1] : [1, 2, 3])(
    "any input arrives as it is, and the answer is printed (seed %d)",
    { timeout: LONG },
    async (seed) => {
      await using gateway = await receiver([POOLED, RUNNING, DONE]);
      const input = oddInput(seed);
      const ended = await run(language, language.print(toCall(gateway.api, "a function/é'\"$", input, false)));
      expect(ended).toEqual({ code: 0, out: `${SUMMARY}\n`, error: "" });
      const [session, job, ...waits] = gateway.received;
      expect([session!.method, session!.path, session!.headers.authorization]).toEqual([
        "POST",
        "/api/v1/sessions",
        undefined,
      ]);
      expect([job!.method, job!.path]).toEqual(["POST", "/api/v1/functions/a%20function%2F%C3%A9'%22%24/jobs"]);
      expect(job!.headers).toMatchObject({ authorization: "Bearer a-token", "content-type": "application/json" });
      expect(job!.headers["idempotency-key"]).toMatch(/^[!-~]{16,255}$/);
      expect(JSON.stringify(JSON.parse(job!.body))).toBe(JSON.stringify(input));
      expect(waits.map(({ method, path, headers }) => [method, path, headers.authorization])).toEqual(
        Array(3).fill(["GET", "/api/v1/jobs/an-id?wait=60", "Bearer a-token"]),
      );
    },
  );

  ready("sends the longest inputs", { timeout: LONGEST.length * LONG }, async () => {
    for (const input of LONGEST) {
      expect(isPrintable(input)).toBe(true);
      await using gateway = await receiver([DONE]);
      const ended = await run(language, language.print(toCall(gateway.api, "f", input, false)));
      expect(ended).toEqual({ code: 0, out: `${SUMMARY}\n`, error: "" });
      expect(JSON.parse(gateway.received[1]!.body)).toEqual(input);
    }
  });

  ready("fetches an answer that was too large for its event, with many escapes", { timeout: LONG }, async () => {
    const event = { ...DONE, result: null, answer: null, result_url: "/api/v1/jobs/an-id/result" };
    const summary = `${"a\n".repeat(20_000)}${SUMMARY}`;
    await using gateway = await receiver([event], { large: { result: DONE.result, answer: { summary } } });
    const ended = await run(language, language.print(toCall(gateway.api, "f", {}, false)));
    expect(ended).toEqual({ code: 0, out: `${summary}\n`, error: "" });
    const { method, path, headers } = gateway.received.at(-1)!;
    expect([method, path, headers.authorization]).toEqual(["GET", "/api/v1/jobs/an-id/result", "Bearer a-token"]);
  });

  ready("gives up a request that is never answered to its end", { timeout: LONG }, async () => {
    await using gateway = await receiver([RUNNING], { stalls: "?wait=60" });
    const program = language.print(toCall(gateway.api, "f", {}, false));
    const bound = new RegExp(`\\b${TIMEOUT}(?=_000|\\b)`, "g");
    expect(program.match(bound)).toHaveLength(1);
    const ended = await run(language, program.replace(bound, "1"));
    // Without the bound, this test ends the program by a signal, and there is no code.
    expect(ended.code).toBeGreaterThan(0);
    expect(ended.out).toBe("");
  });

  ready(
    "reads the key from the environment where a session needs one, in a machine's plainest locale",
    { timeout: LONG },
    async () => {
      await using gateway = await receiver([DONE]);
      const input = { text: "é 😀" };
      const program = language.print(toCall(gateway.api, "f", input, true));
      expect((await run(language, program, { [KEY]: "the-key", LC_ALL: "C" })).code).toBe(0);
      expect(gateway.received.map(({ headers }) => headers.authorization)).toEqual([
        "Bearer the-key",
        "Bearer a-token",
        "Bearer a-token",
      ]);
      expect(JSON.parse(gateway.received[1]!.body)).toEqual(input);
    },
  );

  ready("says why a job was refused or has no answer, and fails", { timeout: LONG }, async () => {
    await using refusing = await receiver([], {
      refused: { title: "Invalid input", status: 422, detail: "shots: too many." },
    });
    const error = { message: "It is broken." };
    await using failing = await receiver([{ error, ...DONE, status: "ERROR", answer: null }]);
    const omitted = { code: "answer_too_large", message: "It has too many bytes." };
    await using omitting = await receiver([{ error: omitted, ...DONE, answer: null }]);
    await using lost = await receiver([{ ...DONE, answer: null, result_url: "/api/v1/jobs/an-id/result" }]);
    for (const [gateway, words] of [
      [refusing, "shots: too many."],
      [failing, "It is broken."],
      [omitting, "It has too many bytes."],
      [lost, "404"],
    ] as const) {
      const ended = await run(language, language.print(toCall(gateway.api, "f", {}, false)));
      expect(ended.code).not.toBe(0);
      expect(ended.out).toBe("");
      expect(ended.error).toContain(words);
    }
  });
});

test("curl gets neither the key nor the token as an argument, which other users could list", async () => {
  const curl = LANGUAGES.find(({ id }) => id === "curl")!;
  const folder = await mkdtemp(join(tmpdir(), "qwhisk-curl-"));
  try {
    const real = spawnSync("sh", ["-c", "command -v curl"], { encoding: "utf8" }).stdout.trim();
    const list = join(folder, "arguments");
    const recorder = `#!/bin/sh\nprintf '%s\\n' "$@" >> '${list}'\nexec '${real}' "$@"\n`;
    await writeFile(join(folder, "curl"), recorder, { mode: 0o755 });
    await using gateway = await receiver([RUNNING, DONE]);
    const environment = { [KEY]: "the-key", PATH: `${folder}:${process.env.PATH}` };
    expect((await run(curl, curl.print(toCall(gateway.api, "f", {}, true)), environment)).code).toBe(0);
    const given = await readFile(list, "utf8");
    expect(given.match(/\/api\/v1\//g)).toHaveLength(gateway.received.length);
    expect(given).not.toMatch(/the-key|a-token/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
