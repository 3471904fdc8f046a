import { addressVersion } from "../../src/lib/index.ts";
import type { Resource } from "../../src/resources/index.ts";
import { judge, makeCase, pickVaried } from "./comparison.ts";
import { encodeError, encodePacket, errorOf, stateOf } from "./frames.ts";
import type { RealHost } from "./real-host.ts";
import type { JudgedPacket } from "./rule-meaning.ts";
import type { Judgement } from "./semantics.ts";
import { wayTo } from "./world.ts";

/** A packet that was sent: what should become of it, and whether it got through. */
export type Trial = Attempt & { readonly hasPassed: boolean };

type Attempt = {
  readonly packet: JudgedPacket;
  readonly expected: Judgement;
  readonly id: number;
  readonly bytes: Uint8Array;
};

/** Numbers of packets are 16 bits of an IPv4 header. */
const maxId = 65_535;

/** Sends random packets through a host whose table is in force, and then the answers to those that got through. */
export class Sender {
  readonly #host: RealHost;
  #lastId = 0;

  constructor(host: RealHost) {
    this.#host = host;
  }

  /** About `count` packets, all of unlike connections, decided in ways as unlike as there are; and answers and errors. */
  async tryPackets(seed: number, resources: readonly Resource[], count: number): Promise<Trial[]> {
    const candidates = unlike(makeCase(seed, count * 8).packets.flatMap(realize));
    const firsts = await this.#send(
      this.#prepare(resources, pickFrom(candidates, judge(resources, candidates), count), (packet, id) =>
        encodePacket(packet, id, id, packet.state === "invalid"),
      ),
    );
    const answerable = firsts.filter(
      ({ hasPassed, expected, packet }) => hasPassed && expected.isTracked && isAnswered(packet),
    );
    const [answered, refused] = [answerable.filter((_, at) => at % 3 > 0), answerable.filter((_, at) => at % 3 === 0)];
    const answers = this.#prepare(resources, answered.map(answerTo), (packet, id, at) =>
      encodePacket(packet, id, answered[at]!.id, true),
    );
    const errors = this.#prepare(resources, refused.map(errorAbout), (packet, id, at) =>
      encodeError(packet, id, refused[at]!.bytes),
    );
    const seconds = await this.#send([...answers, ...errors]);
    this.#host.forgetConnections();
    return [...firsts, ...seconds];
  }

  /** Sends one packet as it is. Undefined: there is no such packet but with others before it. */
  async tryOne(packet: JudgedPacket, resources: readonly Resource[]): Promise<Trial | undefined> {
    if (realize(packet)[0]?.state !== packet.state) return undefined;
    const attempts = this.#prepare(resources, [packet], (one, id) =>
      encodePacket(one, id, id, one.state === "invalid"),
    );
    const [trial] = await this.#send(attempts);
    this.#host.forgetConnections();
    return trial;
  }

  #prepare(
    resources: readonly Resource[],
    packets: readonly JudgedPacket[],
    encode: (packet: JudgedPacket, id: number, at: number) => Uint8Array,
  ): Attempt[] {
    const expected = judge(resources, packets);
    return packets.map((packet, at) => {
      this.#lastId = (this.#lastId % maxId) + 1;
      return { packet, expected: expected[at]!, id: this.#lastId, bytes: encode(packet, this.#lastId, at) };
    });
  }

  async #send(attempts: readonly Attempt[]): Promise<Trial[]> {
    if (attempts.length === 0) return [];
    const due = attempts.filter(({ expected }) => expected.verdict === "accept").map(({ id }) => id);
    const arrived = await this.#host.send(attempts, new Set(due));
    return attempts.map((attempt) => ({ ...attempt, hasPassed: arrived.has(attempt.id) }));
  }
}

function pickFrom(packets: readonly JudgedPacket[], judged: readonly Judgement[], count: number): JudgedPacket[] {
  return pickVaried(judged, count).map((at) => packets[at]!);
}

/** As a packet that nothing came before, with the state that the kernel gives it; none when it cannot be made. */
function realize(packet: JudgedPacket): JudgedPacket[] {
  if (packet.inputName === "lo" || packet.outputName === "lo") return [];
  const state = stateOf(packet, packet.state !== "invalid");
  return state === undefined ? [] : [{ ...packet, state }];
}

/** One packet of each connection, in whichever direction. Pings are told apart by their ids. */
function unlike(packets: readonly JudgedPacket[]): JudgedPacket[] {
  const seen = new Set<string>();
  return packets.filter(({ source, destination, protocol, ports, icmp }) => {
    if (icmp !== undefined) return true;
    const ends = [`${source} ${ports?.[0]}`, `${destination} ${ports?.[1]}`].sort();
    const connection = `${protocol} ${ends.join()}`;
    if (seen.has(connection)) return false;
    seen.add(connection);
    return true;
  });
}

/** Whether an answer makes sense, and would be seen: what gets to the host itself ends at the probe, with its connection. */
function isAnswered({ outputName, state, ports, icmp }: JudgedPacket): boolean {
  return outputName !== undefined && state === "new" && (ports ?? icmp) !== undefined;
}

function turnRound({ source, destination, outputName }: JudgedPacket) {
  const back = wayTo(source);
  return {
    source: destination,
    destination: source,
    isSourceReal: true,
    ...(outputName === undefined ? {} : { inputName: outputName }),
    ...(back === undefined ? {} : { outputName: back }),
  };
}

function answerTo({ packet }: Trial): JudgedPacket {
  const { protocol, ports, icmp } = packet;
  const echo = icmp === undefined ? {} : { icmp: { type: icmp.type === 8 ? 0 : 129, code: icmp.code } };
  return {
    ...turnRound(packet),
    protocol,
    ...(ports === undefined ? {} : { ports: [ports[1], ports[0]] }),
    ...echo,
    state: "established",
  };
}

function errorAbout({ packet }: Trial): JudgedPacket {
  return { ...turnRound(packet), ...errorOf(addressVersion(packet.source)), state: "related" };
}
