// Submits a job with the types that openapi-typescript has generated, and reads its answer with types.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

const baseUrl = process.argv[2]!;
const { data: session } = await createClient<paths>({ baseUrl }).POST("/api/v1/sessions");
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${session!.token}` } });

const body: components["schemas"]["GroverInput"] = { qubits: 3, marked: [5], seed: 7 };
const { data, error } = await client.POST("/api/v1/functions/grover/jobs", {
  params: { query: { wait: 60 } },
  body,
});
if (error || !data || !("answer" in data) || !data.answer) throw new Error(JSON.stringify(error ?? data));
const answer: components["schemas"]["GroverAnswer"] = data.answer;
const summary: string = answer.summary;
const counts: number[] = answer.outcomes.map((outcome) => outcome.count);

const refused = await client.POST("/api/v1/functions/grover/jobs", { body: { qubits: 99, marked: [5] } });
const field: string | undefined = refused.error?.errors?.[0]?.field;

const details = await client.GET("/api/v1/functions/{function}", { params: { path: { function: "grover" } } });
const title: string = details.data!.title;
console.log(JSON.stringify({ summary, found: answer.found, counts, field, title }));
