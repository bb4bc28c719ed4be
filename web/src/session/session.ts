import type { Session } from "../api/documents";
import type { KeyValue } from "../shared/storage";

/** localStorage key of the session document: {client_id, token, expires_at}. */
export const SESSION_KEY = "qwhisk.session.v1";

/**
 * Keeps the page's session: the one in the browser if there is one, a new one otherwise.
 * Tabs share it, so a tab whose token was refused first looks whether another tab has renewed it already.
 */
export class SessionKeeper {
  #storage: KeyValue;
  #create: () => Promise<Session>;
  #current: Session | null;
  #pending: Promise<Session> | null = null;
  #listeners: ((session: Session) => void)[] = [];

  constructor(storage: KeyValue, create: () => Promise<Session>) {
    this.#storage = storage;
    this.#create = create;
    this.#current = this.#read();
  }

  onChange(listener: (session: Session) => void): void {
    this.#listeners.push(listener);
  }

  async get(): Promise<Session> {
    return this.#current ?? this.renew(null);
  }

  /** A session whose token is not `refused`. Calls that come at the same time share one new session. */
  async renew(refused: string | null): Promise<Session> {
    if (this.#current && this.#current.token !== refused) return this.#current;
    const stored = this.#read();
    if (stored && stored.token !== refused) return this.#use(stored);
    this.#pending ??= this.#create()
      .then((session) => {
        try {
          this.#storage.setItem(SESSION_KEY, JSON.stringify(session));
        } catch {
          // Storage full or forbidden: the session lives as long as the page.
        }
        return this.#use(session);
      })
      .finally(() => (this.#pending = null));
    return this.#pending;
  }

  /** True if the person signed in for this session. */
  get signedIn(): boolean {
    return this.#current?.signed_in === true;
  }

  /** Forgets the session. The next one needs a sign-in again. */
  forget(): void {
    this.#current = null;
    this.#storage.removeItem(SESSION_KEY);
  }

  #use(session: Session): Session {
    this.#current = session;
    for (const listener of this.#listeners) listener(session);
    return session;
  }

  #read(): Session | null {
    try {
      const session = JSON.parse(this.#storage.getItem(SESSION_KEY) ?? "null") as Session | null;
      return session && typeof session.token === "string" && typeof session.client_id === "string" ? session : null;
    } catch {
      return null;
    }
  }
}
