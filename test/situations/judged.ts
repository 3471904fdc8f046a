import { type IpAddress, parseAddress } from "../../src/lib/index.ts";
import type { Resource } from "../../src/resources/index.ts";
import type { JudgedPacket } from "../policy/rule-meaning.ts";
import { Semantics } from "../policy/semantics.ts";
import { type ActorName, type HostName, addressesOf, hostOf, hosts, interfaceOf, isHost, isPod } from "./cast.ts";
import type { Probe } from "./expectation.ts";

const numbers = { tcp: 6, udp: 17, sctp: 132 } as const;
/** Where senders' own ports begin, far from those that rules name. */
const anyPort = 40_000;

/** What a situation's resources mean for probes, told by the interpreter of `test/policy`, host by host along the way. */
export class Judge {
  readonly #byHost: ReadonlyMap<HostName, Semantics>;

  constructor(resources: readonly Resource[]) {
    this.#byHost = new Map(
      hosts.map((node) => {
        const addressesByInterface = new Map([["eth0", addressesOf(node).map(readAddress)]]);
        return [node, new Semantics(resources, { node, addressesByInterface })];
      }),
    );
  }

  /** Whether the probe and its answer both get through. */
  isOpen(probe: Probe): boolean {
    const request = packetOf(probe);
    const there = this.#travel(request, probe.from, probe.to);
    if (!there.isOpen) return false;
    // A host that did not track the request knows nothing of a connection when the answer comes.
    const answer = answerTo(request);
    return this.#travel(answer, probe.to, probe.from, there.tracking).isOpen;
  }

  #travel(packet: JudgedPacket, from: ActorName, to: ActorName, known?: ReadonlySet<HostName>) {
    const tracking = new Set<HostName>();
    for (const node of hostsBetween(from, to)) {
      const ends = { ...inputOf(from, node), ...outputOf(to, node) };
      const state = known === undefined ? "new" : stateOfAnswer(packet, known.has(node));
      const judgement = this.#byHost.get(node)!.judge({ ...packet, ...ends, state });
      if (judgement.verdict === "drop") return { isOpen: false, tracking };
      if (judgement.isTracked) tracking.add(node);
    }
    return { isOpen: true, tracking };
  }
}

function packetOf({ from, to, protocol, port, version }: Probe): JudgedPacket {
  const [source, destination] = [from, to].map((name) => readAddress(addressesOf(name)[version === 4 ? 0 : 1]));
  const ends = { source: source!, destination: destination!, state: "new", isSourceReal: true } as const;
  if (protocol !== "ping") return { ...ends, protocol: numbers[protocol], ports: [anyPort, port] };
  return { ...ends, protocol: version === 4 ? 1 : 58, icmp: { type: version === 4 ? 8 : 128, code: 0 } };
}

function answerTo({ source, destination, ports, icmp, ...rest }: JudgedPacket): JudgedPacket {
  return {
    ...rest,
    source: destination,
    destination: source,
    ...(ports === undefined ? {} : { ports: [ports[1], ports[0]] }),
    ...(icmp === undefined ? {} : { icmp: { type: icmp.type === 8 ? 0 : 129, code: 0 } }),
  };
}

/** Of connections that nobody has seen begin those are told that have a handshake. */
function stateOfAnswer({ protocol, icmp }: JudgedPacket, isKnown: boolean): JudgedPacket["state"] {
  if (isKnown) return "established";
  return protocol === numbers.udp && icmp === undefined ? "new" : "invalid";
}

/** In the order in which the packet comes by. */
function hostsBetween(from: ActorName, to: ActorName): HostName[] {
  const ends = [homeOf(from), homeOf(to)].filter((home) => home !== undefined);
  return [...new Set(ends)];
}

function homeOf(name: ActorName): HostName | undefined {
  if (isPod(name)) return hostOf(name);
  return isHost(name) ? name : undefined;
}

function inputOf(from: ActorName, node: HostName) {
  if (from === node) return {};
  return { inputName: isPod(from) && hostOf(from) === node ? interfaceOf(from) : "eth0" };
}

function outputOf(to: ActorName, node: HostName) {
  if (to === node) return {};
  return { outputName: isPod(to) && hostOf(to) === node ? interfaceOf(to) : "eth0" };
}

function readAddress(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is not an address`);
  return address;
}
