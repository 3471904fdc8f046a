// Sends packets with sources of all sorts out of a workload, and sees which get to others. Runs inside a lab.
// Standard input: one plan as JSON. Prints one JSON report.
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { type IpAddress, addressToBytes, addressVersion, parseAddress } from "../../src/lib/index.ts";
import { type PacketSocket, openPacketSocket } from "../../src/sys/index.ts";
import { encodePacket, readFrame, toFrame } from "../policy/frames.ts";

export type ForgePlan = {
  /** Namespace of the sender, and the hardware address of its gateway. */
  readonly sender: string;
  readonly gateway: string;
  readonly gatewayMac: string;
  readonly receivers: readonly { readonly netns: string; readonly addresses: readonly string[] }[];
  readonly sources: readonly string[];
};

/** What was sent from where, to which namespace, and whether it got there. */
export type Forged = {
  readonly kind: string;
  readonly source: string;
  readonly receiver: string;
  readonly hasArrived: boolean;
};

export type ForgeReport = {
  readonly packets: readonly Forged[];
  /** Sources with which the gateway was asked for by ARP; and those that it answered to. */
  readonly asked: readonly string[];
  readonly answered: readonly string[];
};

/** How long the last packet may be under way. */
const graceMs = 500;
const [hopByHop, routing, fragment] = [0, 43, 44];
const arp = { etherType: 0x0806, request: 1, reply: 2 } as const;

type Ends = { readonly source: IpAddress; readonly destination: IpAddress };
/** The packets of one kind; each carries the number. */
type Kind = { readonly name: string; readonly version: 4 | 6; make(ends: Ends, id: number): Uint8Array[] };

function plain(ends: Ends, id: number, protocol: number, more: object = {}): Uint8Array {
  return encodePacket({ ...ends, protocol, state: "new", isSourceReal: true, ...more }, id, id & 0xffff, false);
}

const ports = { ports: [4000, 7000] as const };
const kinds: readonly Kind[] = [
  ...([4, 6] as const).flatMap((version): Kind[] => [
    { name: `UDP over IPv${version}`, version, make: (ends, id) => [plain(ends, id, 17, ports)] },
    { name: `TCP SYN over IPv${version}`, version, make: (ends, id) => [plain(ends, id, 6, ports)] },
    { name: `SCTP INIT over IPv${version}`, version, make: (ends, id) => [plain(ends, id, 132, ports)] },
    { name: `protocol 253 over IPv${version}`, version, make: (ends, id) => [plain(ends, id, 253)] },
  ]),
  { name: "echo request", version: 4, make: (ends, id) => [plain(ends, id, 1, { icmp: { type: 8, code: 0 } })] },
  {
    name: "ICMPv6 echo request",
    version: 6,
    make: (ends, id) => [plain(ends, id, 58, { icmp: { type: 128, code: 0 } })],
  },
  { name: "UDP in two fragments", version: 4, make: (ends, id) => splitV4(plain(ends, id, 17, ports)) },
  { name: "UDP with IPv4 options", version: 4, make: (ends, id) => [withOptions(plain(ends, id, 17, ports))] },
  {
    name: "UDP behind hop-by-hop options",
    version: 6,
    make: (ends, id) => [extend(plain(ends, id, 17, ports), hopByHop, Uint8Array.of(1, 4, 0, 0, 0, 0))],
  },
  {
    name: "UDP behind a routing header",
    version: 6,
    make: (ends, id) => [extend(plain(ends, id, 17, ports), routing, Uint8Array.of(253, 0, 0, 0, 0, 0))],
  },
  {
    name: "UDP in a fragment of its own",
    version: 6,
    make: (ends, id) => [extend(plain(ends, id, 17, ports), fragment, new Uint8Array(6))],
  },
];

/** Two fragments (RFC 791): the first has 8 octets of what is carried. */
function splitV4(packet: Uint8Array): Uint8Array[] {
  const part = (from: number, to: number, flags: number) => {
    const bytes = Uint8Array.of(...packet.subarray(0, 20), ...packet.subarray(20 + from, 20 + to));
    const view = new DataView(bytes.buffer);
    view.setUint16(2, bytes.length);
    view.setUint16(6, flags | (from / 8));
    return withChecksum(bytes, 20);
  };
  return [part(0, 8, 0x2000), part(8, packet.length - 20, 0)];
}

/** Four no-operations. */
function withOptions(packet: Uint8Array): Uint8Array {
  const bytes = Uint8Array.of(...packet.subarray(0, 20), 1, 1, 1, 1, ...packet.subarray(20));
  bytes[0] = 0x46;
  new DataView(bytes.buffer).setUint16(2, bytes.length);
  return withChecksum(bytes, 24);
}

function withChecksum(packet: Uint8Array, headerBytes: number): Uint8Array {
  const view = new DataView(packet.buffer);
  view.setUint16(10, 0);
  let sum = 0;
  for (let at = 0; at < headerBytes; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(10, ~sum & 0xffff);
  return packet;
}

/** An extension header of 8 octets (RFC 8200) between IPv6 and what it carries; `rest`: all behind its first two octets. */
function extend(packet: Uint8Array, type: number, rest: Uint8Array): Uint8Array {
  const bytes = Uint8Array.of(...packet.subarray(0, 40), packet[6] ?? 0, 0, ...rest, ...packet.subarray(40));
  bytes[6] = type;
  new DataView(bytes.buffer).setUint16(4, bytes.length - 40);
  return bytes;
}

async function main(): Promise<void> {
  const plan = JSON.parse(await text(process.stdin)) as ForgePlan;
  using sender = openPacketSocket({ linkName: "eth0", netns: plan.sender });
  const sockets = plan.receivers.map(({ netns }) => openPacketSocket({ linkName: "eth0", netns }));
  const sent: Omit<Forged, "hasArrived">[] = [];
  const arrived = new Set<number>();
  const look = () => {
    for (const socket of sockets) for (const id of idsSeen(socket)) arrived.add(id);
  };
  for (const source of plan.sources.map(toAddress)) {
    for (const kind of kinds.filter(({ version }) => version === addressVersion(source))) {
      for (const { netns, addresses } of plan.receivers) {
        const destination = addresses.map(toAddress).find((one) => addressVersion(one) === kind.version);
        if (destination === undefined) continue;
        // Zero is what other packets carry.
        const id = sent.push({ kind: kind.name, source, receiver: netns });
        for (const packet of kind.make({ source, destination }, id)) sender.send(toFrame(packet, plan.gatewayMac));
        look();
        await sleep(1);
      }
    }
  }
  await sleep(graceMs);
  look();
  for (const socket of sockets) socket[Symbol.dispose]();
  const asked = plan.sources.map(toAddress).filter((source) => addressVersion(source) === 4);
  const answered = await askByArp(sender, toAddress(plan.gateway), asked);
  const packets = sent.map((one, at): Forged => ({ ...one, hasArrived: arrived.has(at + 1) }));
  process.stdout.write(`${JSON.stringify({ packets, asked, answered } satisfies ForgeReport)}\n`);
}

/** Each question is told from the others, and from those of the workload's own kernel, by whom its answer is for. */
async function askByArp(
  sender: PacketSocket,
  target: IpAddress,
  sources: readonly IpAddress[],
): Promise<readonly IpAddress[]> {
  while (sender.receiveNow() !== undefined);
  for (const source of sources) sender.send(arpQuestion(source, target));
  await sleep(graceMs);
  const receivers = new Set<string>();
  for (let frame = sender.receiveNow(); frame !== undefined; frame = sender.receiveNow()) {
    const { bytes, direction } = frame;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (direction === "in" && view.getUint16(12) === arp.etherType && view.getUint16(20) === arp.reply)
      receivers.add(bytes.subarray(38, 42).join("."));
  }
  return sources.filter((source) => receivers.has(source));
}

/** RFC 826, over Ethernet. */
function arpQuestion(source: IpAddress, target: IpAddress): Uint8Array {
  const mac = [0x02, 0, 0, 0, 0xff, 0xff];
  const everybody = Array.from({ length: 6 }, () => 0xff);
  const nobody = Array.from({ length: 6 }, () => 0);
  const header = [
    ...everybody,
    ...mac,
    arp.etherType >> 8,
    arp.etherType & 0xff,
    0,
    1,
    0x08,
    0x00,
    6,
    4,
    0,
    arp.request,
  ];
  return Uint8Array.of(...header, ...mac, ...addressToBytes(source), ...nobody, ...addressToBytes(target));
}

function idsSeen(socket: PacketSocket): number[] {
  const ids: number[] = [];
  for (let frame = socket.receiveNow(); frame !== undefined; frame = socket.receiveNow()) {
    const packet = frame.direction === "in" ? readFrame(frame.bytes) : undefined;
    if (packet !== undefined) ids.push(packet.id);
  }
  return ids;
}

function toAddress(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === undefined || addressToBytes(address).length === 0) throw new Error(`${text} is no address`);
  return address;
}

await main();
