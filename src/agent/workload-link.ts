import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { gatewayAddress4, gatewayAddress6, gatewayMac, workloadAlias } from "../dataplane/index.ts";
import { type RouteSocket, openRouteSocket, readSysctl, writeSysctl } from "../kernel/index.ts";
import {
  type Cidr,
  type IpVersion,
  TortieError,
  addressToCidr,
  assert,
  cidrAddress,
  cidrVersion,
  parseCidr,
} from "../lib/index.ts";
import type { Link, RouteChange } from "../netlink/index.ts";
import { openNamespace } from "../sys/index.ts";

const mtu = 1500;

export type WorkloadLink = {
  /** Path of the workload's network namespace. */
  readonly netns: string;
  /** Name inside the workload. */
  readonly interface: string;
  readonly hostInterface: string;
  readonly namespace: string;
  readonly name: string;
  readonly mac: string;
};

/** The workload's own hardware address: locally administered, the same each time the workload is attached. */
export function workloadMac(namespace: string, name: string): string {
  const digest = createHash("sha256").update(`mac ${namespace}/${name}`).digest();
  return [0x02, ...digest.subarray(0, 5)].map((octet) => octet.toString(16).padStart(2, "0")).join(":");
}

/** What stands where the pair of interfaces is to be. */
type Site = {
  readonly present: Link | undefined;
  /** The pair is there and is this workload's. */
  readonly isPair: boolean;
};

/** Looks, and changes nothing. TT_CONFIG when the workload cannot be attached there. */
export async function inspectSite(host: RouteSocket, wanted: WorkloadLink): Promise<Site> {
  refuseOwnNamespace(wanted.netns);
  using inside = openRouteSocket({ netns: wanted.netns });
  const present = await host.findLink(wanted.hostInterface);
  const links = await inside.dumpLinks();
  const peer = links.find((link) => present !== undefined && arePeers(present, link) && link.mac === wanted.mac);
  if (peer?.name === wanted.interface) return { present, isPair: true };
  if (peer !== undefined) {
    throw new TortieError("TT_CONFIG", `the workload is attached already, by its interface ${peer.name}`, {
      fields: { netns: wanted.netns },
      hint: `detach it first, or leave it its interface: --interface ${peer.name}`,
    });
  }
  if (links.some((link) => link.name === wanted.interface)) {
    throw new TortieError("TT_CONFIG", `the workload has an interface ${wanted.interface} already, which is not ours`, {
      fields: { netns: wanted.netns },
      hint: "name another one with --interface, or remove it",
    });
  }
  return { present, isPair: false };
}

/**
 * Makes the pair of interfaces, the host's end down: it is set up by the data plane once the kernel has the
 * endpoint's rules. A pair that is right already is left alone, and finished if a crash has left it half made; a leftover
 * of the same name is replaced.
 */
export async function ensureLink(host: RouteSocket, wanted: WorkloadLink): Promise<void> {
  const { present, isPair } = await inspectSite(host, wanted);
  const alias = workloadAlias(wanted.namespace, wanted.name);
  if (isPair && present !== undefined) {
    if (present.alias !== alias) await applyAll(host, [{ type: "setAlias", name: present.name, alias }]);
    if (!present.isUp) await applyAll(host, [{ type: "setLink", index: present.index, addrGenMode: "none" }]);
    return;
  }
  if (present !== undefined) await applyAll(host, [{ type: "deleteLink", index: present.index }]);
  using namespace = openNamespace(wanted.netns);
  await applyAll(host, [
    {
      type: "createVeth",
      name: wanted.hostInterface,
      mac: gatewayMac,
      mtu,
      alias,
      peer: { name: wanted.interface, mac: wanted.mac, netnsFd: namespace.fd },
    },
  ]);
  const made = await host.findLink(wanted.hostInterface);
  if (made === undefined)
    throw new TortieError("TT_KERNEL", `the interface ${wanted.hostInterface} went away while it was made`);
  // The kernel refuses this in the message that makes the pair; without it the host's end grows an address of its own.
  await applyAll(host, [{ type: "setLink", index: made.index, addrGenMode: "none" }]);
}

/** Gives the workload's end its addresses and the way out: everything through its host. */
export async function configureInside(wanted: WorkloadLink, addresses: readonly Cidr[]): Promise<void> {
  using inside = openRouteSocket({ netns: wanted.netns });
  const links = await inside.dumpLinks();
  const link = links.find((candidate) => candidate.name === wanted.interface);
  if (link === undefined)
    throw new TortieError("TT_KERNEL", `the workload has no interface ${wanted.interface}`, {
      fields: { netns: wanted.netns },
    });
  const loopback = links.find((candidate) => candidate.name === "lo");
  // A kernel without IPv6 has none of them.
  const options = { netns: wanted.netns, isOptional: true };
  for (const [path, value] of insideSysctls(wanted.interface)) {
    if (readSysctl(path, options) !== value) writeSysctl(path, value, options);
  }
  const changes: RouteChange[] = [];
  if (loopback !== undefined && !loopback.isUp) changes.push({ type: "setLink", index: loopback.index, isUp: true });
  changes.push({ type: "setLink", index: link.index, isUp: true });
  for (const cidr of addresses) {
    const length = cidrVersion(cidr) === 4 ? 32 : 128;
    changes.push({
      type: "putAddress",
      address: { linkIndex: link.index, address: cidrAddress(cidr), length, scope: "global", isNoDad: true },
    });
  }
  for (const version of new Set(addresses.map(cidrVersion))) changes.push(...routesOut(link.index, version));
  await applyAll(inside, changes);
}

/** The host's interface goes; the kernel takes the workload's end with it. */
export async function removeLink(host: RouteSocket, hostInterface: string): Promise<void> {
  const present = await host.findLink(hostInterface);
  if (present !== undefined) await applyAll(host, [{ type: "deleteLink", index: present.index }]);
}

/** Indexes alone could agree by chance, since each namespace counts for itself: both ends must name each other. */
function arePeers(host: Link, inside: Link): boolean {
  return inside.peerIndex === host.index && host.peerIndex === inside.index;
}

/** A workload's end gets a default route of its own: in the host's namespace it would take the host off the network. */
function refuseOwnNamespace(netns: string): void {
  const own = statSync("/proc/self/ns/net");
  const { ino, dev } = readIdentity(netns);
  if (ino !== own.ino || dev !== own.dev) return;
  throw new TortieError("TT_CONFIG", `${netns} is the network namespace of the host itself`, {
    fields: { netns },
    hint: "give the workload a namespace of its own: ip netns add NAME",
  });
}

function readIdentity(netns: string): { readonly ino: number; readonly dev: number } {
  try {
    return statSync(netns);
  } catch (cause) {
    throw new TortieError("TT_CONFIG", `there is no network namespace ${netns}`, {
      cause,
      fields: { netns },
      hint: "give the path of one, such as /run/netns/NAME, or the id of a process that lives in it",
    });
  }
}

/** A workload believes no router advertisements and forwards nothing by itself. */
function insideSysctls(name: string): [path: string, value: string][] {
  return [
    ["net/ipv6/conf/lo/disable_ipv6", "0"],
    [`net/ipv6/conf/${name}/disable_ipv6`, "0"],
    [`net/ipv6/conf/${name}/accept_ra`, "0"],
    [`net/ipv6/conf/${name}/accept_dad`, "0"],
  ];
}

const everywhere = { 4: readCidr("0.0.0.0/0"), 6: readCidr("::/0") } as const;

function routesOut(linkIndex: number, version: IpVersion): RouteChange[] {
  const common = { table: 254, protocol: 3, type: "unicast", linkIndex } as const;
  const destination = everywhere[version];
  if (version === 6) {
    const route = { ...common, destination, metric: 1024, scope: "universe", gateway: gatewayAddress6 } as const;
    return [{ type: "putRoute", route }];
  }
  const onLink = { ...common, destination: addressToCidr(gatewayAddress4), metric: 0, scope: "link" } as const;
  const route = { ...common, destination, metric: 0, scope: "universe", gateway: gatewayAddress4 } as const;
  return [
    { type: "putRoute", route: onLink },
    { type: "putRoute", route },
  ];
}

function readCidr(text: string): Cidr {
  const cidr = parseCidr(text);
  assert(cidr !== undefined, `${text} is a prefix`);
  return cidr;
}

/** Applies all or throws what failed first. */
async function applyAll(socket: RouteSocket, changes: readonly RouteChange[]): Promise<void> {
  const [failed] = await socket.apply(changes);
  if (failed === undefined) return;
  throw new TortieError("TT_KERNEL", `${failed.change.type} failed: ${failed.message}`, {
    fields: { errno: failed.errno },
  });
}
