/** A server that takes one job, as the gateway does, and records what a program sends. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Received {
  method: string;
  path: string;
  headers: Record<string, unknown>;
  body: string;
}

export interface Receiver extends AsyncDisposable {
  api: string;
  received: Received[];
}

export interface Options {
  /** The answer to submissions, if they are refused. */
  refused?: unknown;
  /** What was too large for the job's event. */
  large?: unknown;
  /** The end of the path of requests whose answers begin, and never end. */
  stalls?: string;
}

/** A document in which all characters but those of ASCII are escapes, which the gateway may send too. */
const ascii = (document: unknown): string =>
  JSON.stringify(document).replace(/[^\0-~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Answers each request for a job with the next of `jobs`. */
export async function receiver(jobs: unknown[], { refused, large, stalls }: Options = {}): Promise<Receiver> {
  const received: Received[] = [];
  const left = [...jobs];
  const server = createServer((request, response) => {
    const answer = (status: number, document: unknown): void => {
      response.writeHead(status, { "Content-Type": "application/json" }).end(ascii(document));
    };
    void text(request).then((body) => {
      const { method = "", url: path = "", headers } = request;
      received.push({ method, path, headers, body });
      if (stalls && path.endsWith(stalls)) response.writeHead(200, { "Content-Length": 1_000 }).write("{");
      else if (path.endsWith("/result")) answer(large ? 200 : 404, large ?? { title: "Not found", status: 404 });
      else if (path === "/api/v1/sessions") answer(201, { client_id: "c", token: "a-token" });
      else if (method === "GET") answer(200, left.length > 1 ? left.shift() : left[0]);
      else if (refused) answer(422, refused);
      else answer(202, { process_job_id: "an-id", status: "POOLED" });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    api: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`,
    received,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve, reject) =>
        server.close((error) => {
          if (error) reject(error);
          else resolve();
        }),
      );
    },
  };
}
