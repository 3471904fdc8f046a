// Sits in the network namespace of one place of the situations: listens on every port, and tries others when it is told to.
// usage: node prober.ts '{"addresses": [...], "tcp": [PORT...], "udp": [PORT...]}'; orders and answers are lines of JSON, see `Order`.
import { type Socket as Datagrams, createSocket } from "node:dgram";
import { type Socket, connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { RawProbes } from "./raw-probes.ts";

const settings = z.object({
  addresses: z.array(z.string()),
  tcp: z.array(z.number()),
  udp: z.array(z.number()),
});

const attempt = z.object({
  protocol: z.enum(["tcp", "udp", "sctp", "ping"]),
  from: z.string(),
  to: z.string(),
  port: z.number(),
  /** An answer or a refusal is to come. */
  isAwaited: z.boolean(),
});
export type Attempt = z.infer<typeof attempt>;

/** `hasRaw`: somebody sends raw packets, which are looked for until the report. `try` is answered when all answers that are waited for have come, `settle` when nothing has come for a while, `report` with outcomes. */
const order = z.discriminatedUnion("type", [
  z.object({ type: z.literal("try"), attempts: z.array(attempt), hasRaw: z.boolean() }),
  z.object({ type: z.literal("settle") }),
  z.object({ type: z.literal("report") }),
]);

/** `silent`: nothing came back; else the kernel's word for an error. */
export type Outcome = "open" | "refused" | "silent" | string;

const patienceMs = 10_000;
const quietMs = 8;
const tickMs = 2;

class Round {
  readonly outcomes: (Outcome | undefined)[];
  readonly #attempts: readonly Attempt[];
  readonly #closers: (() => void)[] = [];
  readonly #raw: RawProbes;
  readonly #looks: NodeJS.Timeout | undefined;

  constructor(attempts: readonly Attempt[], raw: RawProbes, hasRaw: boolean) {
    this.#attempts = attempts;
    this.#raw = raw;
    this.#looks = hasRaw ? setInterval(() => raw.look(), tickMs) : undefined;
    this.outcomes = attempts.map(() => undefined);
    for (const [at, one] of attempts.entries()) this.#start(one, at);
  }

  async untilAnswered(): Promise<void> {
    const deadline = performance.now() + patienceMs;
    const isWaiting = () => this.#attempts.some(({ isAwaited }, at) => isAwaited && this.outcomes[at] === undefined);
    while (isWaiting() && performance.now() < deadline) await sleep(tickMs);
  }

  close(): Outcome[] {
    clearInterval(this.#looks);
    for (const close of this.#closers) close();
    return this.outcomes.map((outcome) => outcome ?? "silent");
  }

  #start(one: Attempt, at: number): void {
    const settle = (outcome: Outcome) => {
      noteEvent();
      this.outcomes[at] ??= outcome;
    };
    if (one.protocol === "tcp") this.#closers.push(tryTcp(one, settle));
    else if (one.protocol === "udp") this.#closers.push(tryUdp(one, at, settle));
    else this.#raw.try(one, settle);
  }
}

function tryTcp({ from, to, port }: Attempt, settle: (outcome: Outcome) => void): () => void {
  const socket: Socket = connect({ host: to, port, localAddress: from });
  socket.on("data", () => {
    settle("open");
    socket.resetAndDestroy();
  });
  socket.on("error", (error) => settle(outcomeOf(error)));
  return () => socket.destroy();
}

function tryUdp({ from, to, port }: Attempt, at: number, settle: (outcome: Outcome) => void): () => void {
  const socket = openDatagrams(from);
  const text = `ask ${at}`;
  let isClosed = false;
  socket.on("message", (message) => {
    if (message.toString() === `answer ${text}`) settle("open");
  });
  socket.on("error", (error) => settle(outcomeOf(error)));
  socket.bind(0, from, () => {
    if (isClosed) return;
    // Only a connected socket is told that nobody listens.
    socket.connect(port, to, () => {
      if (isClosed) return;
      socket.send(text, (error) => {
        if (error !== null) settle(outcomeOf(error));
      });
    });
  });
  return () => {
    isClosed = true;
    socket.close();
  };
}

/** What a filter of the own host drops is told to a sender of datagrams. */
function outcomeOf(error: Error): Outcome {
  const code = "code" in error ? String(error.code) : error.message;
  if (code === "EPERM") return "silent";
  return code === "ECONNREFUSED" ? "refused" : code;
}

function openDatagrams(address: string): Datagrams {
  const isIpv6 = address.includes(":");
  return createSocket({
    type: isIpv6 ? "udp6" : "udp4",
    ipv6Only: isIpv6,
    lookup: (host, _options, callback) => callback(null, host, isIpv6 ? 6 : 4),
  });
}

async function listen(addresses: readonly string[], tcp: readonly number[], udp: readonly number[]): Promise<void> {
  const servers = tcp.map((port) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const server = createServer((socket) => {
      noteEvent();
      socket.on("error", () => undefined);
      socket.on("data", () => undefined);
      socket.write("!");
    });
    server.listen({ port, host: "::", backlog: 4096 }, resolve);
    return promise;
  });
  const sinks = addresses.flatMap((address) =>
    udp.map((port) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const socket = openDatagrams(address);
      socket.on("message", (message, { address, port }) => {
        noteEvent();
        socket.send(`answer ${message.toString()}`, port, address, () => undefined);
      });
      socket.on("error", () => undefined);
      socket.bind({ port, address }, resolve);
      return promise;
    }),
  );
  await Promise.all([...servers, ...sinks]);
}

let lastEventMs = 0;
function noteEvent(): void {
  lastEventMs = performance.now();
}

async function untilQuiet(): Promise<void> {
  const deadline = performance.now() + patienceMs;
  noteEvent();
  do await sleep(tickMs);
  while (performance.now() - lastEventMs < quietMs && performance.now() < deadline);
}

async function main(): Promise<void> {
  const { addresses, tcp, udp } = settings.parse(JSON.parse(process.argv[2] ?? ""));
  await listen(addresses, tcp, udp);
  using raw = new RawProbes(addresses, noteEvent);
  process.stdout.write('"ready"\n');
  let round = new Round([], raw, false);
  for await (const line of createInterface({ input: process.stdin })) {
    const asked = order.parse(JSON.parse(line));
    if (asked.type === "try") {
      raw.begin();
      round = new Round(asked.attempts, raw, asked.hasRaw);
      await round.untilAnswered();
      process.stdout.write("true\n");
    } else if (asked.type === "settle") {
      await untilQuiet();
      process.stdout.write("true\n");
    } else process.stdout.write(`${JSON.stringify(round.close())}\n`);
  }
  process.exit(0);
}

await main();
