/** A call as a JavaScript module, for Node 18 or newer and for browsers. */
import { KEY, TIMEOUT, type Call, type Language } from "./call";
import { printInput, quoted, type Dialect } from "./literals";

/** Inside a page, `</script>` and `<!--` would end or change the script that a text is in. */
const literal = (text: string): string => quoted(text).replace(/<(?=[/!])/g, "\\u003c");

const DIALECT: Dialect = {
  text: (value, indent) =>
    value.includes("\n")
      ? `[\n${value
          .split("\n")
          .map((line) => `${indent}  ${literal(line)},\n`)
          .join("")}${indent}].join("\\n")`
      : literal(value),
  // `{"__proto__": value}` would set the object's prototype.
  key: (name) =>
    name === "__proto__" ? '["__proto__"]' : /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) ? name : literal(name),
  yes: "true",
  no: "false",
  nothing: "null",
  step: "  ",
  padding: " ",
  last: ",",
};

function print({ api, name, input, signIn }: Call): string {
  return [
    "// Save as call.mjs. Start: node call.mjs (Node 18 or newer). It also runs as a module in a browser.",
    ...(signIn
      ? [
          `// The environment variable ${KEY} has the key that you sign in with; a browser asks for it.`,
          `const apiKey = typeof process === "object" ? process.env.${KEY} : prompt("API key");`,
        ]
      : []),
    `const api = ${literal(api)};`,
    `const input = ${printInput(input, DIALECT)};`,
    "",
    "async function call(method, path, headers, body) {",
    `  const signal = AbortSignal.timeout(${TIMEOUT}_000);`,
    "  const response = await fetch(api + path, { method, headers, body, signal });",
    "  if (!response.ok) throw new Error(await response.text());",
    "  return response.json();",
    "}",
    "",
    signIn
      ? 'const { token } = await call("POST", "/sessions", { Authorization: `Bearer ${apiKey}` });'
      : 'const { token } = await call("POST", "/sessions", {});',
    "const headers = { Authorization: `Bearer ${token}` };",
    "",
    "// If the answer is lost, the same request with the same key gives the same job.",
    'const key = { "Idempotency-Key": `${Date.now()}-${Math.random()}`, "Content-Type": "application/json" };',
    `const jobs = ${literal(`/functions/${name}/jobs`)};`,
    'let job = await call("POST", jobs, { ...headers, ...key }, JSON.stringify(input));',
    "",
    "// Each request waits for the result, a minute at most.",
    'while (!["DONE", "CANCELLED", "ERROR"].includes(job.status))',
    '  job = await call("GET", `/jobs/${job.process_job_id}?wait=60`, headers);',
    "let { answer } = job;",
    "if (!answer && job.result_url)",
    "  // It was too large for the job's document.",
    '  ({ answer } = await call("GET", `/jobs/${job.process_job_id}/result`, headers));',
    "if (!answer) throw new Error(JSON.stringify(job));",
    "console.log(answer.summary);",
    "",
  ].join("\n");
}

export const javascript: Language = { id: "javascript", label: "JavaScript", print };
