// A packet source and sink for the lab tests. Runs inside a lab and opens sockets in many namespaces from one process.
// The first line of standard input is a plan; the line "stop" ends it, if its flows do not end by themselves. Prints "ready", then one JSON report.
import { type Socket, createSocket } from "node:dgram";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { inNamespace } from "../../src/sys/index.ts";

export type TrafficPlan = {
  /** UDP sinks, both IP versions. A namespace that is not there yet is opened when it turns up. */
  readonly sinks: readonly { readonly netns: string; readonly port: number }[];
  /** Streams of numbered datagrams. `to` lists addresses that are taken in turn. */
  readonly flows: readonly {
    readonly netns: string;
    readonly to: readonly string[];
    readonly port: number;
    readonly packetsPerSecond: number;
    /** The flow ends after so many. When all flows have ended, the report comes without being asked for. */
    readonly packets?: number;
  }[];
};

export type TrafficReport = {
  readonly seconds: number;
  readonly sinks: readonly { readonly netns: string; readonly port: number; readonly received: number }[];
  readonly flows: readonly {
    readonly netns: string;
    readonly sent: number;
    readonly refused: number;
    readonly received: number;
  }[];
};

const tickMs = 1;
/** After a pause of this process packets are made up for in small bursts, which the sinks' buffers can hold. */
const burst = 20;
/** How long the last datagrams may be under way. */
const graceMs = 500;

type Sink = { readonly netns: string; readonly port: number; received: number; isOpen: boolean };
type Flow = TrafficPlan["flows"][number] & {
  readonly id: number;
  readonly sockets: Map<4 | 6, Socket>;
  /** When its namespace was there. */
  startedMs: number | undefined;
  sent: number;
  /** Sends that the own kernel refused (no route yet, policy at the source). */
  refused: number;
  readonly seen: Set<number>;
};

/** Node looks names up before it makes the socket; answering at once keeps the socket in the namespace it is opened in. */
export function openSocket(netns: string, version: 4 | 6, port: number): Socket {
  return inNamespace(netns, () => {
    const socket = createSocket({
      type: version === 4 ? "udp4" : "udp6",
      ipv6Only: version === 6,
      reuseAddr: false,
      lookup: (host, _options, callback) => callback(null, host, version),
    });
    socket.bind({ port, address: version === 4 ? "0.0.0.0" : "::" });
    return socket;
  });
}

function openSink(sink: Sink, flows: readonly Flow[]): void {
  for (const version of [4, 6] as const) {
    const socket = openSocket(sink.netns, version, sink.port);
    socket.on("error", (error) => process.stderr.write(`sink ${sink.netns}: ${error.message}\n`));
    socket.on("message", (message) => {
      sink.received++;
      if (message.length >= 8) flows[message.readUInt32BE(0)]?.seen.add(message.readUInt32BE(4));
    });
  }
  sink.isOpen = true;
}

/** Whether the namespace is there: its file is made before it is mounted on. */
function isThere(netns: string): boolean {
  if (!existsSync(netns)) return false;
  try {
    inNamespace(netns, () => undefined);
    return true;
  } catch {
    return false;
  }
}

function sendDue(flow: Flow, nowMs: number): void {
  if (flow.startedMs === undefined) {
    if (!isThere(flow.netns)) return;
    flow.startedMs = nowMs;
  }
  const elapsedMs = nowMs - flow.startedMs;
  const due = Math.min(flow.packets ?? Infinity, Math.floor((elapsedMs * flow.packetsPerSecond) / 1000));
  for (let sent = 0; sent < burst && flow.sent + flow.refused < due; sent++) {
    const number = flow.sent + flow.refused;
    const address = flow.to[number % flow.to.length] as string;
    const version = address.includes(":") ? 6 : 4;
    let socket = flow.sockets.get(version);
    if (socket === undefined) {
      socket = openSocket(flow.netns, version, 0);
      socket.on("error", () => undefined);
      flow.sockets.set(version, socket);
    }
    const message = Buffer.alloc(8);
    message.writeUInt32BE(flow.id, 0);
    message.writeUInt32BE(number, 4);
    flow.sent++;
    socket.send(message, flow.port, address, (error) => {
      if (error === null) return;
      flow.sent--;
      flow.refused++;
    });
  }
}

async function main(): Promise<void> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const plan = JSON.parse((await lines.next()).value as string) as TrafficPlan;
  const flows: Flow[] = plan.flows.map((flow, id) => ({
    ...flow,
    id,
    sockets: new Map(),
    startedMs: undefined,
    sent: 0,
    refused: 0,
    seen: new Set(),
  }));
  const sinks: Sink[] = plan.sinks.map((sink) => ({ ...sink, received: 0, isOpen: false }));
  let isStopping = false;
  void lines.next().then(() => {
    isStopping = true;
  });
  const started = performance.now();
  let isReady = false;
  const isOver = () => isStopping || flows.every((flow) => flow.sent + flow.refused >= (flow.packets ?? Infinity));
  while (!isOver()) {
    for (const sink of sinks) if (!sink.isOpen && isThere(sink.netns)) openSink(sink, flows);
    for (const flow of flows) sendDue(flow, performance.now());
    if (!isReady) process.stdout.write("ready\n");
    isReady = true;
    await sleep(tickMs);
  }
  const seconds = (performance.now() - started) / 1000;
  await sleep(graceMs);
  const report: TrafficReport = {
    seconds,
    sinks: sinks.map(({ netns, port, received }) => ({ netns, port, received })),
    flows: flows.map(({ netns, sent, refused, seen }) => ({ netns, sent, refused, received: seen.size })),
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exit(0);
}

if (import.meta.main) await main();
