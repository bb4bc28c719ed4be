/** A call as a Python program that needs no package. */
import { KEY, TIMEOUT, type Call, type Language } from "./call";
import { lines, printInput, quoted, type Dialect } from "./literals";

const DIALECT: Dialect = {
  text: (value, indent) => {
    const parts = lines(value);
    if (parts.length === 1) return quoted(value);
    return `(\n${parts.map((part) => `${indent}    ${quoted(part)}\n`).join("")}${indent})`;
  },
  key: quoted,
  yes: "True",
  no: "False",
  nothing: "None",
  step: "    ",
  padding: "",
  last: ",",
};

function print({ api, name, input, signIn }: Call): string {
  return [
    "# Save as call.py. Start: python3 call.py",
    ...(signIn ? [`# The environment variable ${KEY} has the key that you sign in with.`] : []),
    "import json",
    ...(signIn ? ["import os"] : []),
    "import uuid",
    "from urllib.error import HTTPError",
    "from urllib.request import Request, urlopen",
    "",
    `API = ${quoted(api)}`,
    `INPUT = ${printInput(input, DIALECT)}`,
    "",
    "",
    "def call(method, path, headers, body=None):",
    "    try:",
    `        with urlopen(Request(API + path, body, headers, method=method), timeout=${TIMEOUT}) as response:`,
    "            return json.load(response)",
    "    except HTTPError as error:",
    "        raise SystemExit(error.read().decode()) from None",
    "",
    "",
    signIn
      ? `session = call("POST", "/sessions", {"Authorization": "Bearer " + os.environ["${KEY}"]})`
      : 'session = call("POST", "/sessions", {})',
    'headers = {"Authorization": "Bearer " + session["token"]}',
    "",
    "# If the answer is lost, the same request with the same key gives the same job.",
    'key = {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json"}',
    `job = call("POST", ${quoted(`/functions/${name}/jobs`)}, {**headers, **key}, json.dumps(INPUT).encode())`,
    "",
    "# Each request waits for the result, a minute at most.",
    'while job["status"] not in ("DONE", "CANCELLED", "ERROR"):',
    '    job = call("GET", f"/jobs/{job[\'process_job_id\']}?wait=60", headers)',
    'answer = job.get("answer")',
    'if not answer and job.get("result_url"):',
    "    # It was too large for the job's document.",
    '    answer = call("GET", f"/jobs/{job[\'process_job_id\']}/result", headers).get("answer")',
    "if not answer:",
    "    raise SystemExit(json.dumps(job))",
    'print(answer["summary"])',
    "",
  ].join("\n");
}

export const python: Language = { id: "python", label: "Python", print };
