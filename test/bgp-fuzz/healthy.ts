import { type Cidr, cidrAddress, cidrContains, cidrLength, parseCidr } from "../../src/lib/index.ts";

/** What the healthy peers tell, and nobody else may move. */
export const healthyRange: readonly { prefix: string; least: number; most: number }[] = [
  { prefix: "172.16.0.0/12", least: 12, most: 32 },
  { prefix: "2001:db8::/32", least: 32, most: 128 },
];

const healthyNets = healthyRange.map(({ prefix: text, least }) => ({ net: cidr(text), least }));

export function isHealthyPrefix(prefix: Cidr): boolean {
  return healthyNets.some(({ net, least }) => cidrLength(prefix) >= least && cidrContains(net, cidrAddress(prefix)));
}

/** Of an adjacency's table: version and length, then the octets of the prefix. */
export function isHealthyKey(key: string): boolean {
  const [, , ...octets] = [...key].map((letter) => letter.charCodeAt(0));
  const startsWith = (...wanted: number[]) => wanted.every((octet, at) => octets[at] === octet);
  if (!key.startsWith("4")) return startsWith(0x20, 0x01, 0x0d, 0xb8);
  return startsWith(172) && ((octets[1] ?? 0) & 0xf0) === 16;
}

export function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(`no prefix: ${text}`);
  return parsed;
}
