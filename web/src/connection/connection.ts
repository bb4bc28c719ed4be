import { h, setText } from "../shared/dom";
import type { ConnectionState } from "../events/events";

const WORDS: Record<ConnectionState, string> = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  offline: "Offline",
  "signed-out": "Not signed in",
};
const TITLES: Record<ConnectionState, string> = {
  connecting: "Connecting to the gateway",
  live: "Results arrive as they happen",
  reconnecting: "The connection was lost and is being made again; nothing is missed",
  "signed-out": "Sign in to use this service",
  offline: "The gateway cannot be reached; the page keeps trying, and nothing is missed",
};

/** The connection's state, in the header. */
export class ConnectionBadge {
  #text = h("span", {}, WORDS.connecting);
  readonly element = h(
    "div",
    {
      class: "connection",
      role: "status",
      "data-testid": "connection",
      "data-state": "connecting",
      title: TITLES.connecting,
    },
    h("span", { class: "connection__dot", "aria-hidden": "true" }),
    this.#text,
  );

  show(state: ConnectionState): void {
    this.element.dataset.state = state;
    this.element.title = TITLES[state];
    setText(this.#text, WORDS[state]);
  }
}
