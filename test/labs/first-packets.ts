// Attaches workloads and has each exchange one datagram with every witness, both ways, as soon as it is told to be attached.
// Runs inside a lab. The first argument is a plan; prints one JSON report.
import type { Socket } from "node:dgram";
import { setTimeout as sleep } from "node:timers/promises";
import { askAgent } from "../../src/client/index.ts";
import { openRouteSocket } from "../../src/kernel/index.ts";
import { makeNamespace, removeNamespace } from "../../src/sys/index.ts";
import type { AttachResponse } from "../../src/agent/index.ts";
import { openSocket } from "./traffic.ts";

export type FirstPacketsPlan = {
  readonly hosts: readonly string[];
  readonly witnesses: readonly { readonly netns: string; readonly addresses: readonly string[] }[];
  readonly rounds: number;
  /** Born at once on each host, in each round. */
  readonly perHost: number;
};

export type FirstPacketsReport = {
  readonly births: number;
  readonly sent: number;
  /** Which ways of which births had a datagram that was never answered. */
  readonly lost: readonly string[];
  /** Who had to ask for the hardware address of whom. */
  readonly searches: readonly string[];
};

const port = 7200;
/** Nothing is sent twice: what is not answered by then never will be. */
const patienceMs = 2000;
const pollMs = 5;

/** Datagrams under way, by number: what they are to show. */
const pending = new Map<number, string>();
const searches: string[] = [];
let sent = 0;

/** A place that answers questions and asks some, by both IP versions. */
class Place implements Disposable {
  readonly #sockets: ReadonlyMap<4 | 6, Socket>;

  constructor(netns: string) {
    this.#sockets = new Map(([4, 6] as const).map((version) => [version, openSocket(netns, version, port)]));
    for (const socket of this.#sockets.values()) {
      socket.on("error", () => undefined);
      socket.on("message", (message, from) => {
        if (message[0] === 1) socket.send(Buffer.from([2, ...message.subarray(1)]), from.port, from.address);
        else pending.delete(message.readUInt32BE(1));
      });
    }
  }

  ask(address: string, what: string): void {
    const message = Buffer.alloc(5, 1);
    message.writeUInt32BE(++sent, 1);
    pending.set(sent, `${what} ${address}`);
    this.#sockets.get(address.includes(":") ? 6 : 4)?.send(message, port, address, () => undefined);
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets.values()) socket.close();
  }
}

async function giveBirth(plan: FirstPacketsPlan, witnesses: readonly Place[], host: string, name: string) {
  const netns = `/run/netns/${name}`;
  const agent = `/run/tortie/${host}/agent.sock`;
  makeNamespace(netns);
  using place = new Place(netns);
  const answer = (await askAgent(agent, "POST", "/v1/attach", { netns, name })) as AttachResponse;
  const addresses = answer.addresses.map((address) => address.replace(/\/.*/, ""));
  for (const [at, { addresses: theirs }] of plan.witnesses.entries()) {
    for (const address of theirs) place.ask(address, `${name} on ${host} to`);
    for (const address of addresses) witnesses[at]?.ask(address, `to ${name} on ${host} at`);
  }
  const deadline = performance.now() + patienceMs;
  const isUnderWay = () => [...pending.values()].some((what) => what.includes(`${name} on`));
  while (isUnderWay() && performance.now() < deadline) await sleep(pollMs);
  // Who has to look for the host first is as good as lost: such a question is not repeated for a second.
  using inside = openRouteSocket({ netns });
  for (const { address, state } of await inside.dumpNeighbours()) {
    if (state !== "permanent" && state !== "noarp") searches.push(`${name} on ${host} for ${address}`);
  }
  await askAgent(agent, "POST", "/v1/detach", { name });
  removeNamespace(netns);
}

async function main(): Promise<void> {
  const plan = JSON.parse(process.argv[2] ?? "") as FirstPacketsPlan;
  const witnesses = plan.witnesses.map(({ netns }) => new Place(netns));
  let births = 0;
  for (let round = 0; round < plan.rounds; round++) {
    const born = plan.hosts.flatMap((host) =>
      Array.from({ length: plan.perHost }, () => giveBirth(plan, witnesses, host, `first-${++births}`)),
    );
    await Promise.all(born);
  }
  const report: FirstPacketsReport = { births, sent, lost: [...pending.values()], searches };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  process.exit(0);
}

await main();
