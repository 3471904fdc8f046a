import { type IpAddress, type IpVersion, parseAddress } from "../../src/lib/index.ts";
import type { Link, LinkAddress } from "../../src/netlink/index.ts";

/** The host that all random clusters and packets are about: its interfaces, its addresses, its routes. */
export const here = "host-1";
export const elsewhere = "host-2";

export const versions = [4, 6] as const satisfies readonly IpVersion[];

/** `tt1`, `tt2`, `tap3` lead to workloads, `tt9` looks like one but is nobody's, the others lead out of the host. */
export const interfaceNames = ["tt1", "tt2", "tap3", "tt9", "eth0", "eth1"] as const;
export type InterfaceName = (typeof interfaceNames)[number];

/** By the last digits of an address: where its route leads. */
const routes: ReadonlyMap<number, InterfaceName> = new Map<number, InterfaceName>([
  [1, "tt1"],
  [2, "tt2"],
  [3, "tap3"],
  // Workloads of the other host, and somebody unknown.
  [4, "eth0"],
  [5, "eth0"],
  [6, "eth0"],
  [7, "eth1"],
  [9, "tt9"],
]);

/** The host's own addresses, by the same digits. */
const ownAddresses: ReadonlyMap<number, InterfaceName> = new Map<number, InterfaceName>([
  [8, "eth0"],
  [10, "eth1"],
]);

export const workloadDigits = [1, 2, 3, 4, 5] as const;
export const routedDigits = [...routes.keys()];
export const ownDigits = [...ownAddresses.keys()];

export function addressOf(digits: number, version: IpVersion): IpAddress {
  return parseAddress(version === 4 ? `10.0.0.${digits}` : `fd00::${digits.toString(16)}`)!;
}

/** Undefined for the host's own. */
export function routeOf(digits: number): InterfaceName | undefined {
  return routes.get(digits);
}

const digitsByAddress = new Map(
  [...routes.keys(), ...ownAddresses.keys()].flatMap((digits) =>
    versions.map((version) => [addressOf(digits, version), digits] as const),
  ),
);

/** Where a packet to the address goes; undefined: it is the host's own. */
export function wayTo(address: IpAddress): InterfaceName | undefined {
  return routeOf(digitsByAddress.get(address)!);
}

export const hostLinks: readonly Link[] = ["lo", ...interfaceNames].map((name, at) => ({
  index: at + 1,
  name,
  mac: "",
  mtu: 1500,
  isUp: true,
  isRunning: true,
  group: 0,
}));

export const hostAddresses: readonly LinkAddress[] = [...ownAddresses].flatMap(([digits, name]) =>
  versions.map((version) => ({
    linkIndex: hostLinks.find((link) => link.name === name)!.index,
    address: addressOf(digits, version),
    length: version === 4 ? 32 : 128,
    scope: "global" as const,
  })),
);

/** Which of the host's addresses each interface has. */
export const addressesByInterface: ReadonlyMap<string, readonly IpAddress[]> = new Map(
  [...ownAddresses].map(([digits, name]) => [name, versions.map((version) => addressOf(digits, version))]),
);
