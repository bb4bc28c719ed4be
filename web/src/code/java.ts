/** A call as a Java file that needs only the JDK. That has no JSON library, so the input is JSON text. */
import { KEY, TIMEOUT, type Call, type Language } from "./call";
import { ascii, ASCII_JSON_DIALECT, printInput } from "./literals";

/** The indentation of the text block, which the compiler removes. */
const BASE = "        ";

/**
 * The input as the lines of a text block. In ASCII, because Java 17 reads a file in the encoding of the machine.
 * A backslash at the end of a line joins it with the next one, so a text of several lines has a line for each.
 */
const textBlock = (input: Record<string, unknown>): string =>
  printInput(input, ASCII_JSON_DIALECT)
    .replace(/\\(.)(?!")/g, (escape, name) => (name === "n" ? "\\n\\\n" : escape))
    .replace(/\\(?!\n)/g, "\\\\")
    .replaceAll("\n", `\n${BASE}`);

function print({ api, name, input, signIn }: Call): string {
  return [
    "// Save as Call.java. Start: java Call.java (Java 17 or newer)",
    ...(signIn ? [`// The environment variable ${KEY} has the key that you sign in with.`] : []),
    "import java.net.URI;",
    "import java.net.http.HttpClient;",
    "import java.net.http.HttpRequest;",
    "import java.net.http.HttpRequest.BodyPublishers;",
    "import java.net.http.HttpResponse.BodyHandlers;",
    "import java.util.UUID;",
    "import java.util.concurrent.TimeUnit;",
    "import java.util.regex.MatchResult;",
    "import java.util.regex.Matcher;",
    "import java.util.regex.Pattern;",
    "",
    "public class Call {",
    `    static final String API = ${ascii(api)};`,
    '    static final String INPUT = """',
    `${BASE}${textBlock(input)}`,
    `${BASE}""";`,
    "    static final HttpClient CLIENT = HttpClient.newHttpClient();",
    "",
    "    public static void main(String[] args) throws Exception {",
    '        String session = send(request("/sessions")',
    ...(signIn ? [`            .header("Authorization", "Bearer " + System.getenv("${KEY}"))`] : []),
    "            .POST(BodyPublishers.noBody()));",
    '        String bearer = "Bearer " + text(session, "token");',
    "",
    "        // If the answer is lost, the same request with the same key gives the same job.",
    `        String job = send(request(${ascii(`/functions/${name}/jobs`)})`,
    '            .header("Authorization", bearer)',
    '            .header("Idempotency-Key", UUID.randomUUID().toString())',
    '            .header("Content-Type", "application/json")',
    "            .POST(BodyPublishers.ofString(INPUT)));",
    "",
    "        // Each request waits for the result, a minute at most.",
    '        String path = "/jobs/" + text(job, "process_job_id");',
    '        while (text(job, "status").matches("QUEUED|RUNNING"))',
    '            job = send(request(path + "?wait=60").header("Authorization", bearer));',
    '        String summary = text(job, "summary");',
    '        if (summary.isEmpty() && !text(job, "result_url").isEmpty())',
    "            // The answer was too large for the job's document.",
    '            summary = text(send(request(path + "/result").header("Authorization", bearer)), "summary");',
    "        if (summary.isEmpty()) throw new IllegalStateException(job);",
    "        System.out.println(summary);",
    "    }",
    "",
    "    static HttpRequest.Builder request(String path) {",
    "        return HttpRequest.newBuilder(URI.create(API + path));",
    "    }",
    "",
    "    static String send(HttpRequest.Builder request) throws Exception {",
    "        // The timeout of an HttpRequest would end with the headers of the answer.",
    "        var response = CLIENT.sendAsync(request.build(), BodyHandlers.ofString())",
    `            .get(${TIMEOUT}, TimeUnit.SECONDS);`,
    "        if (response.statusCode() >= 400) throw new IllegalStateException(response.body());",
    "        return response.body();",
    "    }",
    "",
    "    // Finds one text in a JSON document. To read more of the answer, use a JSON library.",
    "    static String text(String json, String name) {",
    String.raw`        String value = "\"((?:[^\"\\\\]|\\\\.)*+)\"";`,
    String.raw`        var found = Pattern.compile("(?s).*\"" + name + "\":\\s*" + value).matcher(json);`,
    `        if (!found.lookingAt()) return "";`,
    String.raw`        return Pattern.compile("\\\\(u.{4}|.)").matcher(found.group(1)).replaceAll(Call::unescaped);`,
    "    }",
    "",
    "    static String unescaped(MatchResult escape) {",
    "        String name = escape.group(1);",
    `        int at = "bfnrt".indexOf(name);`,
    "        char unit = name.length() > 1 ? (char) Integer.parseInt(name.substring(1), 16)",
    String.raw`            : at < 0 ? name.charAt(0) : "\b\f\n\r\t".charAt(at);`,
    "        return Matcher.quoteReplacement(String.valueOf(unit));",
    "    }",
    "}",
    "",
  ].join("\n");
}

export const java: Language = { id: "java", label: "Java", print };
