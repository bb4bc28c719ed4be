/** A job as the page keeps it. */
import type { Circuit, Counts, EventStatus, JobError, LiveStatus, Point, Progress } from "../api/documents";

/** Only the page uses LOST: the session that would have reported the end of the job is gone. */
export type JobStatus = EventStatus | "LOST";

export interface StoredResult {
  counts: Record<string, Counts>;
  /** Shots of the outcomes that were not kept, per register. */
  other: Record<string, number>;
  /** How many outcomes those were, per register. */
  other_outcomes: Record<string, number>;
  shots: number | null;
  /** Expectation values and their standard errors. */
  evs: unknown;
  stds: unknown;
  metadata: Record<string, unknown>;
}

export interface StoredJob {
  process_job_id: string;
  client_id: string;
  function: string;
  function_title: string;
  view: string | null;
  backend: string;
  backend_type: string;
  params: Record<string, unknown>;
  status: JobStatus;
  step: number;
  submitted_at: string;
  finished_at: string | null;
  queue_position: number | null;
  estimated_completion_time: string | null;
  queue_length_at_submit: number | null;
  /** The highest number of jobs ahead of it so far: where its progress through the queue starts. */
  queue_start: number | null;
  progress: Progress | null;
  /** The values that a hybrid algorithm reported for its steps. */
  history: Point[];
  /** When the provider got a job that was pooled first; null for any other. */
  sent_at: string | null;
  /** When this page heard that the job runs, and when it got the result. */
  running_at: string | null;
  delivered_at: string | null;
  circuit: Circuit | null;
  result: StoredResult | null;
  result_url: string | null;
  answer: Record<string, unknown> | null;
  error: JobError | null;
  /** The provider's id of each step's job, by step. */
  provider_jobs: Record<string, string>;
  /** What the person at the page calls this job; empty if it has no name. */
  name: string;
  /** True if circuit, result and answer were dropped to make room; the gateway may still have the last two. */
  trimmed: boolean;
}

/** The statuses of a job that goes on. */
const LIVE: ReadonlySet<JobStatus> = new Set<LiveStatus>(["POOLED", "QUEUED", "RUNNING"]);

export const isFinal = (status: JobStatus): boolean => !LIVE.has(status);

/** What a job has before anything is known; also what an older page did not write. */
export const BLANK = {
  queue_position: null,
  queue_length_at_submit: null,
  queue_start: null,
  estimated_completion_time: null,
  progress: null,
  history: [],
  sent_at: null,
  running_at: null,
  delivered_at: null,
  circuit: null,
  result: null,
  result_url: null,
  answer: null,
  error: null,
  finished_at: null,
  provider_jobs: {},
  name: "",
  trimmed: false,
} satisfies Partial<StoredJob>;
