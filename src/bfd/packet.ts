import { type Result, failure, success } from "../lib/index.ts";

/** In the order of their numbers on the wire (RFC 5880 section 4.1). */
const states = ["adminDown", "down", "init", "up"] as const;
export type BfdState = (typeof states)[number];

/** Why the sender's session changed last, in the order of the numbers on the wire. */
const diagnostics = [
  "none",
  "detectionTimeExpired",
  "echoFailed",
  "neighbourSignaledDown",
  "forwardingPlaneReset",
  "pathDown",
  "concatenatedPathDown",
  "administrativelyDown",
  "reverseConcatenatedPathDown",
] as const;
export type BfdDiagnostic = (typeof diagnostics)[number];

/** A control packet without authentication. Intervals in microseconds, 0 to 2^32-1. */
export type BfdPacket = {
  /** Numbers that nobody has given a meaning read as `none`. */
  readonly diagnostic: BfdDiagnostic;
  readonly state: BfdState;
  readonly isPoll: boolean;
  readonly isFinal: boolean;
  /** The sender's BFD outlives a restart of its control plane. */
  readonly isIndependent: boolean;
  /** The sender wants to hear nothing but answers once the session is up. */
  readonly isDemand: boolean;
  /** 1 to 255. */
  readonly multiplier: number;
  /** The sender's name for the session: not 0. */
  readonly myDiscriminator: number;
  /** The receiver's, 0 while the sender does not know it. */
  readonly yourDiscriminator: number;
  readonly minTxUs: number;
  /** 0: the sender wants to hear nothing that comes by itself. */
  readonly minRxUs: number;
  /** 0: the sender echoes nothing. */
  readonly minEchoRxUs: number;
};

const version = 1;
const packetBytes = 24;
const flag = { poll: 0x20, final: 0x10, independent: 0x08, authenticated: 0x04, demand: 0x02, multipoint: 0x01 };

export function encodeBfdPacket(packet: BfdPacket): Uint8Array {
  const bytes = new Uint8Array(packetBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = (version << 5) | diagnostics.indexOf(packet.diagnostic);
  bytes[1] =
    (states.indexOf(packet.state) << 6) |
    (packet.isPoll ? flag.poll : 0) |
    (packet.isFinal ? flag.final : 0) |
    (packet.isIndependent ? flag.independent : 0) |
    (packet.isDemand ? flag.demand : 0);
  bytes[2] = packet.multiplier;
  bytes[3] = packetBytes;
  view.setUint32(4, packet.myDiscriminator);
  view.setUint32(8, packet.yourDiscriminator);
  view.setUint32(12, packet.minTxUs);
  view.setUint32(16, packet.minRxUs);
  view.setUint32(20, packet.minEchoRxUs);
  return bytes;
}

/** Any octets. Turns away what RFC 5880 section 6.8.6 has discarded before a session is looked for. */
export function decodeBfdPacket(bytes: Uint8Array): Result<BfdPacket> {
  if (bytes.length < packetBytes) return failure("", `${bytes.length} octets are too few`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [first, flags, multiplier, length] = [0, 1, 2, 3].map((at) => view.getUint8(at)) as [
    number,
    number,
    number,
    number,
  ];
  if (first >> 5 !== version) return failure("version", `version ${first >> 5} is not spoken`);
  if (length < packetBytes || length > bytes.length) return failure("length", `${length} does not fit ${bytes.length}`);
  if ((flags & flag.authenticated) !== 0) return failure("", "authentication is not in use");
  if ((flags & flag.multipoint) !== 0) return failure("", "the multipoint bit is set");
  if (multiplier === 0) return failure("multiplier", "is zero");
  const state = states[flags >> 6] ?? "down";
  const myDiscriminator = view.getUint32(4);
  const yourDiscriminator = view.getUint32(8);
  if (myDiscriminator === 0) return failure("myDiscriminator", "is zero");
  if (yourDiscriminator === 0 && (state === "init" || state === "up")) {
    return failure("yourDiscriminator", `is zero in state ${state}`);
  }
  return success({
    diagnostic: diagnostics[first & 0x1f] ?? "none",
    state,
    isPoll: (flags & flag.poll) !== 0,
    isFinal: (flags & flag.final) !== 0,
    isIndependent: (flags & flag.independent) !== 0,
    isDemand: (flags & flag.demand) !== 0,
    multiplier,
    myDiscriminator,
    yourDiscriminator,
    minTxUs: view.getUint32(12),
    minRxUs: view.getUint32(16),
    minEchoRxUs: view.getUint32(20),
  });
}
