/** The documents the gateway speaks, as the page reads them. */

/** POOLED: the provider does not have the job yet; it is sent in one provider job with those of other clients. */
export type LiveStatus = "POOLED" | "QUEUED" | "RUNNING";
export type FinalStatus = "DONE" | "CANCELLED" | "ERROR";
export type EventStatus = LiveStatus | FinalStatus;

export interface JsonSchema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  examples?: unknown[];
  enum?: unknown[];
  const?: unknown;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  items?: JsonSchema | boolean;
  prefixItems?: JsonSchema[];
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  /** Which control fits best where the type does not determine it (README.md). */
  "x-control"?: string;
  /** The field applies while another has one of these values. */
  "x-when"?: Record<string, unknown[]>;
  /** The unit of a number in words. */
  "x-unit"?: string;
  if?: JsonSchema;
  then?: JsonSchema;
  else?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  required?: string[];
  readOnly?: boolean;
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  definitions?: Record<string, JsonSchema>;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
}

export interface QuantumFunction {
  id: string;
  title?: string;
  description?: string;
  view?: string | null;
  category?: string | null;
  input_schema: JsonSchema;
}

/** A function as it is answered alone. */
export interface FunctionDetails extends QuantumFunction {
  /** Empty or absent for a function whose document has none. */
  output_schema?: JsonSchema | null;
}

export interface Backend {
  name: string;
  backend_type: string;
  qubits: number;
  operational: boolean;
  queue_length: number | null;
  seen_at?: string;
}

export interface Session {
  client_id: string;
  token: string;
  expires_at?: string | number | null;
  /** Only the page writes it: the person has signed in for this session, and can sign out. */
  signed_in?: boolean;
}

/** A job's first circuit: its depth and size before and after it was transpiled for the backend. */
export interface Circuit {
  qubits: number;
  depth?: number;
  size?: number;
  transpiled_depth?: number | null;
  transpiled_size?: number | null;
  openqasm3?: string | null;
}

/** The provider's job of one step. */
export interface ProviderJob {
  step: number;
  job_id: string;
}

export type Counts = Record<string, number>;

export interface JobResult {
  counts?: Record<string, Counts> | null;
  shots?: number | null;
  /** Expectation values and their standard errors. */
  evs?: unknown;
  stds?: unknown;
  metadata?: Record<string, unknown>;
}

export interface JobError {
  code?: string;
  message: string;
  details?: unknown;
}

export interface Progress {
  step: number;
  of?: number | null;
  value?: number | null;
}

/** A job as it stands: in answers to requests and in events. */
export interface ResultEvent {
  backend: string;
  backend_type: string;
  function: string;
  client_id: string;
  process_job_id: string;
  provider_jobs: ProviderJob[];
  step?: number;
  submitted_at: string;
  queue_length_at_submit?: number | null;
  estimated_completion_time?: string | null;
  params?: Record<string, unknown>;
  circuit?: Circuit | null;
  status: EventStatus;
  /** The jobs before it: in the provider's queue, or in the pool if it is POOLED. */
  queue_position?: number | null;
  progress?: Progress | null;
  finished_at?: string | null;
  result?: JobResult | null;
  result_url?: string | null;
  answer?: Record<string, unknown> | null;
  error?: JobError | null;
}

/** Where a hybrid algorithm was after one of its steps. */
export interface Point {
  step: number;
  value: number;
}

export interface FieldError {
  field: string;
  message: string;
}

/** RFC 9457. */
export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  errors?: FieldError[];
}
