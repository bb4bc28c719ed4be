/** A call as a shell script with curl: POSIX sh, and nothing that would close a terminal into which it is pasted. */
import { KEY, type Call, type Language } from "./call";
import { JSON_DIALECT, printInput } from "./literals";

/** A text in single quotation marks, between which the shell changes nothing. */
const word = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Comments have no quotation marks: an interactive zsh reads comments as commands. */
function print({ api, name, input, signIn }: Call): string {
  const key = signIn ? ` \\\n  -H "Authorization: Bearer \${${KEY}:?}"` : "";
  return [
    "# Save as call.sh. Start: sh call.sh",
    ...(signIn ? [`# Before: export ${KEY}=... with the key that you sign in with.`] : []),
    `api=${word(api)}`,
    `name=${word(name)}`,
    `input=${word(printInput(input, JSON_DIALECT))}`,
    "",
    "# text NAME prints the text of this name in a JSON document.",
    String.raw`text() { sed -nE 's/^.*"'"$1"'": *"(([^"\\]|\\.)*)".*/\1/p' | sed 's/\\\(.\)/\1/g'; }`,
    "",
    `session=$(curl -sS -X POST "$api/sessions"${key})`,
    `token=$(printf '%s\\n' "$session" | text token)`,
    `: "\${token:?$session}"`,
    "",
    "# If the answer is lost, the same request with the same key gives the same job.",
    `key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')`,
    `job=$(printf '%s' "$input" | curl -sS "$api/functions/$name/jobs" \\`,
    `  -H "Authorization: Bearer $token" -H "Idempotency-Key: $key" \\`,
    `  -H "Content-Type: application/json" --data-binary @-)`,
    `id=$(printf '%s\\n' "$job" | text process_job_id)`,
    "",
    "# Each request waits for the result, a minute at most.",
    `while printf '%s\\n' "$job" | grep -Eq '"status": *"(QUEUED|RUNNING)"'; do`,
    `  job=$(curl -sS "$api/jobs/$id?wait=60" -H "Authorization: Bearer $token")`,
    "done",
    `summary=$(printf '%s\\n' "$job" | text summary)`,
    `printf '%s\\n' "\${summary:?$job}"`,
    "",
  ].join("\n");
}

export const curl: Language = { id: "curl", label: "curl", print };
