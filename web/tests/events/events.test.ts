import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  eventsUrl,
  EventStream,
  parseFrame,
  type ConnectionState,
  type Frame,
  type Socket,
} from "../../src/events/events";

class FakeSocket implements Socket {
  binaryType: BinaryType = "blob";
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  readonly url: string;
  closed = false;

  constructor(url: string) {
    this.url = url;
  }

  close(): void {
    this.closed = true;
  }

  says(frame: unknown): void {
    this.onmessage?.({ data: JSON.stringify(frame) } as MessageEvent);
  }

  ends(code = 1006): void {
    this.onclose?.({ code } as CloseEvent);
  }
}

const frame = (id: number) => ({ id, event: { process_job_id: "p", status: "QUEUED" } });

function start(check = vi.fn(async () => undefined), online = () => true) {
  const sockets: FakeSocket[] = [];
  const states: ConnectionState[] = [];
  const received: Frame[] = [];
  let last: number | null = null;
  const stream = new EventStream({
    open: (url) => {
      const socket = new FakeSocket(url);
      sockets.push(socket);
      return socket;
    },
    session: async () => ({ client_id: "c", token: "t" }),
    check,
    lastId: () => last,
    receive: (one) => {
      last = one.id;
      received.push(one);
    },
    state: (state) => states.push(state),
    online,
    base: "ws://here/prefix/",
    random: () => 1,
  });
  stream.connect();
  return { stream, sockets, states, received, check };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const settle = () => vi.advanceTimersByTimeAsync(0);

test("the first connection asks for everything, the next for what came after the last event", async () => {
  const { sockets, states, received } = start();
  await settle();
  expect(sockets[0]!.url).toBe("ws://here/prefix/api/v1/events?token=t");
  sockets[0]!.onopen?.({} as Event);
  sockets[0]!.says(frame(1));
  sockets[0]!.says(frame(7));
  sockets[0]!.ends();
  expect(states).toEqual(["connecting", "live", "reconnecting"]);
  await vi.advanceTimersByTimeAsync(500);
  expect(sockets[1]!.url).toBe("ws://here/prefix/api/v1/events?token=t&after=7");
  expect(received.map(({ id }) => id)).toEqual([1, 7]);
});

test("waits grow while nobody answers, and begin anew once a connection has held", async () => {
  const { sockets, states } = start();
  await settle();
  for (const wait of [500, 1000, 2000, 4000]) {
    const before = sockets.length;
    sockets.at(-1)!.ends();
    await vi.advanceTimersByTimeAsync(wait - 1);
    expect(sockets.length).toBe(before);
    await vi.advanceTimersByTimeAsync(1);
    expect(sockets.length).toBe(before + 1);
  }
  expect(states).toContain("offline");
  sockets.at(-1)!.onopen?.({} as Event);
  await vi.advanceTimersByTimeAsync(5000);
  const before = sockets.length;
  sockets.at(-1)!.ends();
  await vi.advanceTimersByTimeAsync(500);
  expect(sockets.length).toBe(before + 1);
});

test("a gateway that accepts and drops at once is not hammered", async () => {
  const { sockets } = start();
  await settle();
  for (let n = 0; n < 4; n++) {
    sockets.at(-1)!.onopen?.({} as Event);
    sockets.at(-1)!.ends();
    await vi.advanceTimersByTimeAsync(500 * 2 ** n);
  }
  expect(sockets.length).toBe(5);
});

test("a refused handshake has the token checked; an ordinary close does not", async () => {
  const { sockets, check } = start();
  await settle();
  sockets[0]!.ends();
  expect(check).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(500);
  sockets[1]!.onopen?.({} as Event);
  sockets[1]!.ends();
  expect(check).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1000);
  sockets[2]!.onopen?.({} as Event);
  sockets[2]!.ends(4401);
  expect(check).toHaveBeenCalledTimes(2);
});

test("connecting anew closes the old socket, and what it still says is not heard", async () => {
  const { stream, sockets, received } = start();
  await settle();
  stream.connect();
  await settle();
  expect(sockets[0]!.closed).toBe(true);
  sockets[0]!.says(frame(1));
  sockets[0]!.ends();
  sockets[1]!.says(frame(2));
  expect(received.map(({ id }) => id)).toEqual([2]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sockets.length).toBe(2);
});

test("frames that are none are passed over", () => {
  for (const data of ["", "{", "null", '{"id":"1","event":{}}', '{"id":1}', new ArrayBuffer(1)])
    expect(parseFrame(data)).toBeNull();
  expect(parseFrame(JSON.stringify(frame(3)))?.id).toBe(3);
  expect(parseFrame(new TextEncoder().encode(JSON.stringify(frame(4))).buffer)?.id).toBe(4);
});

test("an id of 0 is an id", () => {
  expect(eventsUrl("ws://here/prefix/", "a b", 0)).toBe("ws://here/prefix/api/v1/events?token=a+b&after=0");
});

test("without a network nothing is tried until there is one", async () => {
  let online = false;
  const { stream, sockets, states } = start(undefined, () => online);
  await vi.advanceTimersByTimeAsync(120_000);
  expect([sockets.length, states]).toEqual([0, ["offline"]]);
  online = true;
  stream.connect();
  await settle();
  expect([sockets.length, states]).toEqual([1, ["offline", "connecting"]]);
});
