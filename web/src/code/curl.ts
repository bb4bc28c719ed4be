/**
 * A call as a shell script with curl: POSIX sh, and nothing that would close a terminal into which it is pasted.
 * The shell cannot read JSON, so the script needs jq.
 */
import { KEY, TIMEOUT, type Call, type Language } from "./call";
import { JSON_DIALECT, printInput } from "./literals";

/** A text in single quotation marks, between which the shell changes nothing. */
const word = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Comments have no quotation marks: an interactive zsh reads comments as commands. */
function print({ api, name, input, signIn }: Call): string {
  return [
    "# Save as call.sh. Start: sh call.sh",
    "# It needs curl, and jq to read JSON. On Debian: apt install jq. On macOS: brew install jq.",
    ...(signIn ? [`# Before: export ${KEY}=... with the key that you sign in with.`] : []),
    `api=${word(api)}`,
    `name=${word(name)}`,
    `input=${word(printInput(input, JSON_DIALECT))}`,
    "",
    "# The key or token goes to curl through its standard input: other users of the machine can list arguments.",
    "# They can list the input, which is an argument.",
    `request() { curl -sS --max-time ${TIMEOUT} -H @- "$@" <<END`,
    "$header",
    "END",
    "}",
    "# field PATH prints a field of the JSON document on standard input, or nothing.",
    `field() { jq -r "$1 // empty"; }`,
    "",
    signIn ? `header="Authorization: Bearer \${${KEY}:?}"` : "header=",
    'session=$(request -X POST "$api/sessions")',
    `token=$(printf '%s\\n' "$session" | field .token)`,
    `: "\${token:?$session}"`,
    'header="Authorization: Bearer $token"',
    "",
    "# If the answer is lost, the same request with the same key gives the same job.",
    `key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')`,
    `job=$(request "$api/functions/$name/jobs" -H "Idempotency-Key: $key" \\`,
    `  -H "Content-Type: application/json" --data-binary "$input")`,
    `id=$(printf '%s\\n' "$job" | field .process_job_id)`,
    `: "\${id:?$job}"`,
    "",
    "# Each request waits for the result, a minute at most.",
    `unfinished='(.status | type) == "string" and (.status | IN("DONE", "CANCELLED", "ERROR") | not)'`,
    `while printf '%s\\n' "$job" | jq -e "$unfinished" >/dev/null; do`,
    `  job=$(request "$api/jobs/$id?wait=60")`,
    "done",
    `summary=$(printf '%s\\n' "$job" | field .answer.summary)`,
    `if [ -z "$summary" ] && [ -n "$(printf '%s\\n' "$job" | field .result_url)" ]; then`,
    "  # The answer was too large for the document of the job.",
    `  summary=$(request -f "$api/jobs/$id/result" | field .answer.summary)`,
    "fi",
    `printf '%s\\n' "\${summary:?$job}"`,
    "",
  ].join("\n");
}

export const curl: Language = { id: "curl", label: "curl", print };
