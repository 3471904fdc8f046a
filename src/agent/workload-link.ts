import { createHash } from "node:crypto";
import { gatewayAddress4, gatewayAddress6, gatewayMac, workloadAlias } from "../dataplane/index.ts";
import { type RouteSocket, openRouteSocket, writeSysctl } from "../kernel/index.ts";
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

/**
 * Makes the pair of interfaces, the host's end down: it is set up by the data plane once the kernel has the
 * endpoint's rules. A pair that is right already is left alone; a leftover of the same name is replaced.
 */
export async function ensureLink(host: RouteSocket, wanted: WorkloadLink): Promise<void> {
  using namespace = openNamespace(wanted.netns);
  using inside = openRouteSocket({ netns: wanted.netns });
  const present = await host.findLink(wanted.hostInterface);
  const peer = await inside.findLink(wanted.interface);
  if (present !== undefined && isPair(present, peer, wanted)) return;
  if (peer !== undefined) {
    throw new TortieError("TT_CONFIG", `the workload has an interface ${wanted.interface} already, which is not ours`, {
      fields: { netns: wanted.netns },
      hint: "name another one with --interface, or remove it",
    });
  }
  if (present !== undefined) await applyAll(host, [{ type: "deleteLink", index: present.index }]);
  const alias = workloadAlias(wanted.namespace, wanted.name);
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
  for (const [path, value] of insideSysctls(wanted.interface)) writeSysctl(path, value, { netns: wanted.netns });
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

function isPair(host: Link, inside: Link | undefined, wanted: WorkloadLink): boolean {
  if (inside?.peerIndex !== host.index || host.peerIndex !== inside.index) return false;
  return host.alias === workloadAlias(wanted.namespace, wanted.name) && inside.mac === wanted.mac;
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
