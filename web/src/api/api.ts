import type { SessionKeeper } from "../session/session";
import { baseAddress } from "../shared/base";
import { upperFirst } from "../shared/format";
import type {
  Backend,
  FieldError,
  FunctionDetails,
  JobResult,
  Problem,
  QuantumFunction,
  ResultEvent,
  Session,
} from "./documents";

/** Relative to the page, which may be served below a prefix. */
const ROOT = "api/v1";

/** The statuses after which a submission is repeated: no answer, and "this request is in progress". */
const REPEATABLE = new Set([0, 409]);
/** The attempts to submit a job, and the milliseconds by which the pause between them grows. */
const ATTEMPTS = 4;
const PAUSE = 1_000;

/** The API's address, as other programs reach it. */
export const apiAddress = (): string => new URL(ROOT, baseAddress()).href;

const online = (): boolean => (globalThis as { navigator?: Navigator }).navigator?.onLine !== false;

/** A new key. `crypto.randomUUID` exists only on pages from a secure origin. */
const idempotencyKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** What the gateway, or the way to it, refused; its message is meant to be read by the person at the page. */
export class ApiError extends Error {
  readonly status: number;
  readonly title: string;
  readonly fields: FieldError[];

  constructor(status: number, title: string, detail: string, fields: FieldError[] = []) {
    super(detail);
    this.status = status;
    this.title = title;
    this.fields = fields;
  }
}

/** An error in words for the person at the page. */
export const describe = (error: unknown): string =>
  error instanceof ApiError ? `${error.title}. ${error.message}` : String(error);

/** Turns a problem document (RFC 9457), or its absence, into an ApiError. */
export function problemToError(status: number, problem: Problem | null, retryAfter: string | null = null): ApiError {
  // Beside a field, "must be at least 1." stands alone.
  const fields = ((problem?.errors ?? []) as (FieldError | null)[])
    .filter((error): error is FieldError => typeof error?.message === "string")
    .map((error) => ({ field: fieldName(error.field), message: upperFirst(error.message) }));
  const wait = retryAfter && /^\d+$/.test(retryAfter) ? ` Try again in ${retryAfter} s.` : "";
  return new ApiError(
    status,
    problem?.title ?? fallbackTitle(status),
    (problem?.detail ?? fallbackDetail(status)) + wait,
    fields,
  );
}

/** `body.edges.2`, `/edges/2` and `edges.2` are in the same field, `edges`. */
function fieldName(field: unknown): string {
  const parts = String(field ?? "")
    .split(/[./]/)
    .filter(Boolean);
  return (parts[0] === "body" && parts.length > 1 ? parts[1] : parts[0]) ?? "";
}

function fallbackTitle(status: number): string {
  if (status === 404) return "Not found";
  if (status === 429) return "Too many requests";
  return status >= 500 ? "The service has a problem" : "The request was refused";
}

function fallbackDetail(status: number): string {
  if (status === 429) return "The service asks for a pause.";
  return status >= 500
    ? "It could not handle the request. Try again in a moment."
    : `The gateway answered with status ${status}.`;
}

/** A new session; `credential` is what the sign-in takes, where there is one. */
export async function createSession(credential?: string): Promise<Session> {
  return (await send("POST", `${ROOT}/sessions`, credential)) as Session;
}

/** The gateway's HTTP API, as the person's session. */
export class Api {
  #session: SessionKeeper;

  constructor(session: SessionKeeper) {
    this.#session = session;
  }

  async functions(): Promise<QuantumFunction[]> {
    return ((await this.#call("GET", `${ROOT}/functions`)) as { functions: QuantumFunction[] }).functions;
  }

  async function(id: string): Promise<FunctionDetails> {
    return (await this.#call("GET", `${ROOT}/functions/${encodeURIComponent(id)}`)) as FunctionDetails;
  }

  async backends(): Promise<Backend[]> {
    return ((await this.#call("GET", `${ROOT}/backends`)) as { backends: Backend[] }).backends;
  }

  /** Submits a job. If the answer is lost, the request is repeated with the same key, which gives the same job. */
  async submit(functionId: string, input: Record<string, unknown>): Promise<ResultEvent> {
    const path = `${ROOT}/functions/${encodeURIComponent(functionId)}/jobs`;
    const key = idempotencyKey();
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.#call("POST", path, input, key)) as ResultEvent;
      } catch (error) {
        const repeatable = error instanceof ApiError && REPEATABLE.has(error.status) && online();
        if (!repeatable || attempt >= ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, attempt * PAUSE));
      }
    }
  }

  async jobs(): Promise<ResultEvent[]> {
    const jobs: ResultEvent[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
      const page = (await this.#call("GET", `${ROOT}/jobs${query}`)) as { jobs: ResultEvent[]; next?: string | null };
      jobs.push(...page.jobs);
      cursor = page.next ?? null;
    } while (cursor !== null);
    return jobs;
  }

  /** One job's newest event. */
  async job(processJobId: string): Promise<ResultEvent> {
    return (await this.#call("GET", `${ROOT}/jobs/${encodeURIComponent(processJobId)}`)) as ResultEvent;
  }

  async cancel(processJobId: string): Promise<void> {
    await this.#call("DELETE", `${ROOT}/jobs/${encodeURIComponent(processJobId)}`);
  }

  /** Erases the input and result of a job that has ended. */
  async erase(processJobId: string): Promise<void> {
    await this.#call("DELETE", `${ROOT}/jobs/${encodeURIComponent(processJobId)}/data`);
  }

  /** A job's result that was too large for its event. The request has the token, so no event says where it goes. */
  async result(processJobId: string): Promise<JobResult> {
    const path = `${ROOT}/jobs/${encodeURIComponent(processJobId)}/result`;
    const found = (await this.#call("GET", path)) as { result?: JobResult } & JobResult;
    return found.result ?? found;
  }

  /** A refused token is answered with a new session, silently and once. */
  async #call(method: string, path: string, body?: unknown, key?: string): Promise<unknown> {
    const session = await this.#session.get();
    try {
      return await send(method, path, session.token, body, key);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      const renewed = await this.#session.renew(session.token);
      return send(method, path, renewed.token, body, key);
    }
  }
}

async function send(method: string, path: string, token?: string, body?: unknown, key?: string): Promise<unknown> {
  // Trying without a network would only be an error in the browser's console.
  if (!online()) throw new ApiError(0, "You are offline", "Try again when the network is back.");
  // Browsers write every refusal by status into their console as an error; this asks for it in the body alone.
  const headers: Record<string, string> = { Accept: "application/json", Prefer: "problem=in-body" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (key) headers["Idempotency-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  } catch {
    throw new ApiError(0, "No answer from the gateway", "Check the connection and try again.");
  }
  const text = await response.text();
  let document: unknown = null;
  try {
    document = text ? JSON.parse(text) : null;
  } catch {
    if (response.ok)
      throw new ApiError(response.status, "Unreadable answer", "The gateway answered with something that is not JSON.");
  }
  const problem = response.headers.get("Content-Type")?.startsWith("application/problem+json")
    ? (document as Problem | null)
    : null;
  if (!response.ok || problem)
    throw problemToError(
      problem?.status ?? response.status,
      document as Problem | null,
      response.headers.get("Retry-After"),
    );
  return document;
}
