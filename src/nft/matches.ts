import { type Cidr, type IpVersion, addressToBytes, cidrAddress, cidrLength, cidrVersion } from "../lib/index.ts";
import type { Expression, FibFlag, Hex, PayloadBase, Register } from "./expression.ts";
import { hostOrder, interfaceKey, networkOrder } from "./hex.ts";
import { connectionStates } from "./numbers.ts";

/** Tests to put into a rule. Each goes on to the next expression when it holds, else the rule ends. */
export type Negatable = { readonly not?: boolean };
export type Direction = "source" | "destination";
export type ConnectionState = keyof typeof connectionStates;

/** The register every test loads into; later fields of a concatenation lie in the 4 octets behind it. */
const first: Register = 1;

const addressOffset = { 4: { source: 12, destination: 16 }, 6: { source: 8, destination: 24 } } as const;
const addressOctets = { 4: 4, 6: 16 } as const;
const portOffset = { source: 0, destination: 2 } as const;

/** The interface's name, or how it begins (`isPrefix`). */
export function ifname(
  way: "in" | "out",
  name: string,
  options: Negatable & { readonly isPrefix?: boolean } = {},
): Expression[] {
  const data = options.isPrefix === true ? new TextEncoder().encode(name).toHex() : interfaceKey(name);
  return [loadInterface(way), compare(data, options)];
}

/** IPv4 or IPv6 packets only. Must come before address and addressIn in the same rule. */
export function family(version: IpVersion): Expression[] {
  return [{ type: "meta", key: "family", register: first }, compare(networkOrder(version === 4 ? 2 : 10, 1))];
}

/** The packet's address lies in the prefix. Only behind `family` of the same version. */
export function address(direction: Direction, cidr: Cidr, options: Negatable = {}): Expression[] {
  const version = cidrVersion(cidr);
  const bits = cidrLength(cidr);
  const bytes = addressToBytes(cidrAddress(cidr));
  const offset = addressOffset[version][direction];
  // Whole octets are compared without a mask; of /0 nothing would be left, so it keeps the mask.
  if (bits > 0 && bits % 8 === 0) {
    const octets = bits / 8;
    return [payload("network", offset, octets), compare(bytes.subarray(0, octets).toHex(), options)];
  }
  const mask = bytes.map((_, i) => 0xff00 >> Math.min(8, Math.max(0, bits - 8 * i)));
  return [
    payload("network", offset, bytes.length),
    { type: "bitwise", source: first, target: first, mask: mask.toHex(), xor: "00".repeat(bytes.length) },
    compare(bytes.toHex(), options),
  ];
}

/** The packet's address is in the set (addressSet or netSet). Only behind `family` of the same version. */
export function addressIn(
  direction: Direction,
  version: IpVersion,
  setName: string,
  options: Negatable = {},
): Expression[] {
  return [loadAddress(direction, version), lookup(setName, options)];
}

/** The interface that the packet came in by, with its source, is in the set. Only behind `family` of the same version. */
export function sourceOfInterfaceIn(version: IpVersion, setName: string): Expression[] {
  // Behind the 16 octets of a name comes register 2.
  return [
    loadInterface("in"),
    payload("network", addressOffset[version].source, addressOctets[version], 2),
    lookup(setName, {}),
  ];
}

/** The transport protocol's number. */
export function protocol(number: number, options: Negatable = {}): Expression[] {
  return [loadProtocol(first), compare(networkOrder(number, 1), options)];
}

/** Both ends inside. Only behind `protocol` with a protocol that has ports (TCP, UDP, SCTP, UDP-Lite, DCCP). */
export function port(direction: Direction, low: number, high: number = low, options: Negatable = {}): Expression[] {
  const load = loadPort(direction, first);
  const from = networkOrder(low, 2);
  const to = networkOrder(high, 2);
  if (low === high) return [load, compare(from, options)];
  if (options.not === true) return [load, { type: "range", register: first, from, to, isNot: true }];
  return [
    load,
    { type: "compare", register: first, operator: ">=", data: from },
    { type: "compare", register: first, operator: "<=", data: to },
  ];
}

/** From 1,024 on. Only behind `protocol`, as `port`; cheaper than a range: a mask over 4 octets is made without a call. */
export function unprivilegedSourcePort(): Expression[] {
  return [
    payload("transport", portOffset.source, 4),
    { type: "bitwise", source: first, target: first, mask: "fc000000", xor: "00000000" },
    compare("00000000", { not: true }),
  ];
}

/** The port is in the set (portSet). Only behind `protocol`, as `port`. */
export function portIn(direction: Direction, setName: string, options: Negatable = {}): Expression[] {
  return [loadPort(direction, first), lookup(setName, options)];
}

/** Address, protocol and port together are in the set (addressPortSet). Only behind `family` of the same version. */
export function addressPortIn(
  direction: Direction,
  version: IpVersion,
  setName: string,
  options: Negatable = {},
): Expression[] {
  // Behind 4 octets of IPv4 come registers 9 and 10; behind the 16 of IPv6 register 2, whose second 4 octets are 13.
  const [protocolRegister, portRegister] = version === 4 ? [9, 10] : [2, 13];
  return [
    loadAddress(direction, version),
    loadProtocol(protocolRegister),
    loadPort(direction, portRegister),
    lookup(setName, options),
  ];
}

/** ICMP (4) or ICMPv6 (6) with this type and code; includes the test of the protocol, which `not` does not touch. */
export function icmp(
  version: IpVersion,
  match: { readonly type: number; readonly code?: number },
  options: Negatable = {},
): Expression[] {
  const tests = protocol(version === 4 ? 1 : 58);
  const type = networkOrder(match.type, 1);
  if (match.code === undefined) return [...tests, payload("transport", 0, 1), compare(type, options)];
  const code = networkOrder(match.code, 1);
  return [...tests, payload("transport", 0, 2), compare(type + code, options)];
}

/** The connection is in one of the states. */
export function ctState(states: readonly ConnectionState[], options: Negatable = {}): Expression[] {
  const bits = states.reduce((sum, state) => sum | connectionStates[state], 0);
  return [
    { type: "connection", key: "state", register: first },
    maskBits(bits),
    compare(hostOrder(0), { not: options.not !== true }),
  ];
}

/** The bits of the packet's mark under `mask` are `bits`. */
export function testMark(bits: number, mask: number = bits, options: Negatable = {}): Expression[] {
  return [{ type: "meta", key: "mark", register: first }, maskBits(mask), compare(hostOrder(bits & mask), options)];
}

/**
 * Strict reverse path: whether the route back to the source goes out where the packet came in.
 * `isMissing` holds for a packet without (a forged source). In prerouting, input and forward only.
 */
export function reversePath(options: { readonly isMissing: boolean; readonly usesMark?: boolean }): Expression[] {
  const flags: FibFlag[] = options.usesMark === true ? ["source", "mark", "input"] : ["source", "input"];
  return [
    { type: "fib", flags, result: "oif", isPresence: true, register: first },
    compare(hostOrder(options.isMissing ? 0 : 1)),
  ];
}

export function loadInterface(way: "in" | "out"): Expression {
  return { type: "meta", key: way === "in" ? "inputName" : "outputName", register: first };
}

function loadAddress(direction: Direction, version: IpVersion): Expression {
  return payload("network", addressOffset[version][direction], addressOctets[version]);
}

function loadProtocol(register: Register): Expression {
  return { type: "meta", key: "transport", register };
}

function loadPort(direction: Direction, register: Register): Expression {
  return payload("transport", portOffset[direction], 2, register);
}

function payload(base: PayloadBase, offset: number, length: number, register: Register = first): Expression {
  return { type: "payload", base, offset, length, register };
}

function compare(data: Hex, options: Negatable = {}): Expression {
  return { type: "compare", register: first, operator: options.not === true ? "!=" : "==", data };
}

function lookup(set: string, options: Negatable): Expression {
  return { type: "lookup", set, register: first, isNot: options.not === true };
}

function maskBits(mask: number): Expression {
  return { type: "bitwise", source: first, target: first, mask: hostOrder(mask), xor: hostOrder(0) };
}
