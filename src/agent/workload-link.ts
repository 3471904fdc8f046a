import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
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
/** Of the kernel: what it takes for itself. */
const localTable = 255;
/** Between two looks at what the kernel does by itself, mostly at once. */
const pollMs = 2;

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

/** Sets the workload's end up, without any address: what a process in there sends meanwhile fails at once and is not lost. */
export async function openInside(wanted: WorkloadLink): Promise<void> {
  using inside = openRouteSocket({ netns: wanted.netns });
  const { index } = await findOwn(inside, wanted.interface, wanted);
  // A kernel without IPv6 has none of them.
  const options = { netns: wanted.netns, isOptional: true };
  for (const [path, value] of insideSysctls(wanted.interface)) {
    if (readSysctl(path, options) !== value) writeSysctl(path, value, options);
  }
  const loopback = await inside.findLink("lo");
  const down = [...(loopback?.isUp === false ? [loopback.index] : []), index];
  await applyAll(
    inside,
    down.map((link) => ({ type: "setLink", index: link, isUp: true })),
  );
}

/**
 * Ends when packets get through the pair both ways. Of two ends that are set up the first one throws away what it is to send
 * until a worker of the kernel has noticed that it carries now; on a busy machine 0.1 s were seen. Who asks for that one link makes
 * Linux 6.8 and later notice at once.
 */
export async function untilCarrying(host: RouteSocket, wanted: WorkloadLink, signal: AbortSignal): Promise<void> {
  using inside = openRouteSocket({ netns: wanted.netns });
  const ends = [
    [host, wanted.hostInterface],
    [inside, wanted.interface],
  ] as const;
  for (const [socket, name] of ends) {
    const isCarrying = async () => (await findOwn(socket, name, wanted)).isOperational === true;
    await until(`the interface ${name} carries`, isCarrying, signal);
  }
}

/**
 * Gives the workload's end its addresses and the way out, everything through its host; ends when it can be reached at them. To
 * be done when its host is ready for it: the first packet is not to be lost. The host's hardware address is always the same
 * and need not be asked for: a question that is lost is repeated after a second only.
 */
export async function configureInside(
  wanted: WorkloadLink,
  addresses: readonly Cidr[],
  signal: AbortSignal,
): Promise<void> {
  using inside = openRouteSocket({ netns: wanted.netns });
  const { index } = await findOwn(inside, wanted.interface, wanted);
  const changes: RouteChange[] = [];
  for (const cidr of addresses) {
    const length = cidrVersion(cidr) === 4 ? 32 : 128;
    changes.push({
      type: "putAddress",
      address: { linkIndex: index, address: cidrAddress(cidr), length, scope: "global", isNoDad: true },
    });
  }
  for (const version of new Set(addresses.map(cidrVersion))) changes.push(...routesOut(index, version));
  await applyAll(inside, changes);
  // IPv6 takes packets to a new address only after another worker of the kernel has been at it.
  for (const cidr of addresses.filter((address) => cidrVersion(address) === 6)) {
    const isThere = async () => {
      const routes = await inside.dumpRoutes({ version: 6, table: localTable });
      return routes.some((route) => route.type === "local" && route.destination === cidr);
    };
    await until(`the workload answers at ${cidr}`, isThere, signal);
  }
}

async function until(what: string, isSo: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!(await isSo())) {
    if (signal.aborted) throw new TortieError("TT_KERNEL", `not in time: ${what}`);
    await sleep(pollMs);
  }
}

async function findOwn(socket: RouteSocket, name: string, { netns }: WorkloadLink): Promise<Link> {
  const link = await socket.findLink(name);
  if (link !== undefined) return link;
  throw new TortieError("TT_KERNEL", `the workload's interface ${name} went away`, { fields: { netns } });
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
  const gateway = version === 4 ? gatewayAddress4 : gatewayAddress6;
  const neighbour = { linkIndex, address: gateway, mac: gatewayMac, state: "permanent" } as const;
  const common = { table: 254, protocol: 3, type: "unicast", linkIndex } as const;
  const destination = everywhere[version];
  if (version === 6) {
    const route = { ...common, destination, metric: 1024, scope: "universe", gateway } as const;
    return [
      { type: "putNeighbour", neighbour },
      { type: "putRoute", route },
    ];
  }
  const onLink = { ...common, destination: addressToCidr(gateway), metric: 0, scope: "link" } as const;
  const route = { ...common, destination, metric: 0, scope: "universe", gateway } as const;
  return [
    { type: "putNeighbour", neighbour },
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
