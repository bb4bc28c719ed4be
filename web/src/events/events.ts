import { backoff } from "./backoff";
import type { ResultEvent, Session } from "../api/documents";

export type ConnectionState = "connecting" | "live" | "reconnecting" | "offline" | "signed-out";

export interface Frame {
  id: number;
  event: ResultEvent;
}

/** The part of a WebSocket that is used here. */
export interface Socket {
  binaryType: BinaryType;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  close(): void;
}

export interface StreamOptions {
  open(url: string): Socket;
  /** The session, seen to be good: a refused handshake would be an error in the browser's console. */
  session(): Promise<Session>;
  /** Asks whether the token is still valid and renews the session if not. */
  check(): Promise<void>;
  /** The last event seen in this session, or null to hear all from the start. */
  lastId(session: Session): number | null;
  receive(frame: Frame): void;
  state(state: ConnectionState): void;
  /** False if the browser knows that there is no network. It fires an event when there is one again. */
  online?: () => boolean;
  /** The page's folder, with a slash at its end, as ws: or wss:. */
  base: string;
  random?: () => number;
}

/** Milliseconds until a connection counts as stable and the next wait is short again. */
const SETTLED = 5_000;

/** Reads a frame, sent as text or as its bytes; anything that is not one gives null. */
export function parseFrame(data: unknown): Frame | null {
  const text = data instanceof ArrayBuffer ? new TextDecoder().decode(data) : data;
  if (typeof text !== "string") return null;
  try {
    const frame = JSON.parse(text) as Partial<Frame>;
    const complete = Number.isInteger(frame.id) && typeof frame.event?.process_job_id === "string";
    return complete ? (frame as Frame) : null;
  } catch {
    return null;
  }
}

export function eventsUrl(base: string, token: string, after: number | null): string {
  const query = new URLSearchParams({ token });
  if (after !== null) query.set("after", String(after));
  return `${base}api/v1/events?${query}`;
}

/** The client's events, over a WebSocket that comes back by itself and resumes where it stopped. */
export class EventStream {
  #options: StreamOptions;
  #socket: Socket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #settled: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #generation = 0;

  constructor(options: StreamOptions) {
    this.#options = options;
  }

  /** Connects at once, also if a wait was going on or a connection was open. */
  connect(): void {
    this.stop();
    const generation = this.#generation;
    if (this.#options.online?.() === false) return this.#options.state("offline");
    this.#options.state(this.#attempt === 0 ? "connecting" : "reconnecting");
    this.#options.session().then(
      (session) => generation === this.#generation && this.#open(session, generation),
      () => generation === this.#generation && this.#later(),
    );
  }

  stop(): void {
    this.#generation += 1;
    clearTimeout(this.#timer);
    clearTimeout(this.#settled);
    this.#socket?.close();
    this.#socket = null;
  }

  #open(session: Session, generation: number): void {
    const socket = this.#options.open(eventsUrl(this.#options.base, session.token, this.#options.lastId(session)));
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    let opened = false;
    socket.onopen = () => {
      if (generation !== this.#generation) return;
      opened = true;
      this.#settled = setTimeout(() => (this.#attempt = 0), SETTLED);
      this.#options.state("live");
    };
    socket.onmessage = ({ data }) => {
      const frame = generation === this.#generation ? parseFrame(data) : null;
      if (frame) this.#options.receive(frame);
    };
    socket.onclose = ({ code }) => {
      if (generation !== this.#generation) return;
      clearTimeout(this.#settled);
      this.#socket = null;
      this.#later();
      // A browser does not say why a handshake failed. An ordinary request does, and renews the session if needed.
      if (!opened || code === 1008 || code >= 4000) this.#options.check().catch(() => undefined);
    };
  }

  #later(): void {
    const wait = backoff(this.#attempt, this.#options.random);
    this.#attempt += 1;
    this.#options.state(this.#attempt > 3 ? "offline" : "reconnecting");
    this.#timer = setTimeout(() => this.connect(), wait);
  }
}
