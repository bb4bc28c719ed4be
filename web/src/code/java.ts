/** A call as a Java file that needs only the JDK. That has no JSON library, so the input is JSON text. */
import { KEY, type Call, type Language } from "./call";
import { ascii, JSON_DIALECT, lines, printInput, type Dialect } from "./literals";

/** The indentation of the text block, which the compiler removes. */
const BASE = "        ";

/** JSON as it stands in a text block. In ASCII, because Java 17 reads a file in the encoding of the machine. */
const json = (text: string): string => ascii(text).replaceAll("\\", "\\\\");

const DIALECT: Dialect = {
  ...JSON_DIALECT,
  // A backslash at the end of a line joins it with the next one.
  text: (value) => {
    const parts = lines(value).map((line) => json(line).slice(1, -1));
    return `"${parts.join(`\\\n${BASE}`)}"`;
  },
  key: json,
};

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
    "import java.util.regex.Pattern;",
    "",
    "public class Call {",
    `    static final String API = ${ascii(api)};`,
    '    static final String INPUT = """',
    `${BASE}${printInput(input, DIALECT, BASE)}`,
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
    '        String path = "/jobs/" + text(job, "process_job_id") + "?wait=60";',
    '        while (text(job, "status").matches("QUEUED|RUNNING"))',
    '            job = send(request(path).header("Authorization", bearer));',
    '        String summary = text(job, "summary");',
    "        if (summary.isEmpty()) throw new IllegalStateException(job);",
    "        System.out.println(summary);",
    "    }",
    "",
    "    static HttpRequest.Builder request(String path) {",
    "        return HttpRequest.newBuilder(URI.create(API + path));",
    "    }",
    "",
    "    static String send(HttpRequest.Builder request) throws Exception {",
    "        var response = CLIENT.send(request.build(), BodyHandlers.ofString());",
    "        if (response.statusCode() >= 400) throw new IllegalStateException(response.body());",
    "        return response.body();",
    "    }",
    "",
    "    // Finds one text in a JSON document. To read more of the answer, use a JSON library.",
    "    static String text(String json, String name) {",
    String.raw`        String value = "\"([^\"\\\\]*(?:\\\\.[^\"\\\\]*)*)\"";`,
    String.raw`        var found = Pattern.compile("(?s).*\"" + name + "\":\\s*" + value).matcher(json);`,
    String.raw`        return found.lookingAt() ? found.group(1).replaceAll("\\\\(.)", "$1") : "";`,
    "    }",
    "}",
    "",
  ].join("\n");
}

export const java: Language = { id: "java", label: "Java", print };
