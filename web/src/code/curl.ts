/** A call as a shell script with curl: POSIX sh, and nothing that would close a terminal into which it is pasted. */
import { KEY, TIMEOUT, type Call, type Language } from "./call";
import { JSON_DIALECT, printInput } from "./literals";

/** A text in single quotation marks, between which the shell changes nothing. */
const word = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * Replaces the escapes of JSON, by byte: in the locale C, every awk prints a number as the byte of this value.
 * `unit` reads four hexadecimal digits. `put` prints a character in UTF-8: its last six bits are a byte of their own,
 * until the rest is less than `most` and fits into the first byte. Two surrogates are one character.
 */
const DECODE = String.raw`decode() { LC_ALL=C awk '
  function unit(at, code) {
    for (at = 1; at <= 4; at++) code = code * 16 + index("123456789abcdef", tolower(substr(rest, at, 1)))
    rest = substr(rest, 5)
    return code
  }
  function put(code, most) {
    if (code < most) { printf "%c", 256 - 2 * most + code; return }
    put(int(code / 64), most / 2)
    printf "%c", 128 + code % 64
  }
  {
    rest = $0
    while (slash = index(rest, "\\")) {
      name = substr(rest, slash + 1, 1)
      printf "%s", substr(rest, 1, slash - 1)
      rest = substr(rest, slash + 2)
      if (name != "u") { printf "%s", (at = index("bfnrt", name)) ? substr("\b\f\n\r\t", at, 1) : name; continue }
      code = unit()
      if (code >= 55296 && code < 56320 && substr(rest, 1, 2) == "\\u") {
        rest = substr(rest, 3)
        code = (code - 55232) * 1024 + unit() - 56320
      }
      if (code < 128) printf "%c", code; else put(code, 64)
    }
    print rest
  }'
}`;

/** Comments have no quotation marks: an interactive zsh reads comments as commands. */
function print({ api, name, input, signIn }: Call): string {
  return [
    "# Save as call.sh. Start: sh call.sh",
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
    "# text NAME prints the last text of this name in a JSON document, and decode replaces the escapes of JSON.",
    String.raw`text() { grep -oE '"'"$1"'": *"([^"\\]|\\.)*"' | tail -n 1 | sed 's/^[^:]*: *"//; s/"$//' | decode; }`,
    DECODE,
    "",
    signIn ? `header="Authorization: Bearer \${${KEY}:?}"` : "header=",
    'session=$(request -X POST "$api/sessions")',
    `token=$(printf '%s\\n' "$session" | text token)`,
    `: "\${token:?$session}"`,
    'header="Authorization: Bearer $token"',
    "",
    "# If the answer is lost, the same request with the same key gives the same job.",
    `key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n')`,
    `job=$(request "$api/functions/$name/jobs" -H "Idempotency-Key: $key" \\`,
    `  -H "Content-Type: application/json" --data-binary "$input")`,
    `id=$(printf '%s\\n' "$job" | text process_job_id)`,
    "",
    "# Each request waits for the result, a minute at most.",
    `while printf '%s\\n' "$job" | grep -Eq '"status": *"(QUEUED|RUNNING)"'; do`,
    `  job=$(request "$api/jobs/$id?wait=60")`,
    "done",
    `summary=$(printf '%s\\n' "$job" | text summary)`,
    `if [ -z "$summary" ] && printf '%s\\n' "$job" | grep -q '"result_url": *"'; then`,
    "  # The answer was too large for the document of the job.",
    `  summary=$(request -f "$api/jobs/$id/result" | text summary)`,
    "fi",
    `printf '%s\\n' "\${summary:?$job}"`,
    "",
  ].join("\n");
}

export const curl: Language = { id: "curl", label: "curl", print };
