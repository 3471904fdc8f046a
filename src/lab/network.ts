import { mainTable } from "../dataplane/index.ts";
import { type RouteSocket, openRouteSocket, writeSysctl } from "../kernel/index.ts";
import { type Cidr, type IpAddress, TortieError, addressVersion, cidrVersion } from "../lib/index.ts";
import type { Link, Route, RouteChange } from "../netlink/index.ts";
import { makeNamespace, openNamespace, removeNamespace } from "../sys/index.ts";
import type { LinkEnd, LinkPart, NamespacePart } from "./lab-part.ts";
import { netnsPath } from "./places.ts";

const bridge = "bridge";
const mtu = 1500;
/** RTPROT_STATIC: a route that an administrator has set, here the one who built the fabric. */
const staticProtocol = 4;

/** What makes a namespace a router of the fabric. Hosts are made routers by their agents. */
const routerSysctls = [
  ["net.ipv4.ip_forward", "1"],
  ["net.ipv6.conf.all.forwarding", "1"],
  // By addresses and ports; by addresses alone all flows between two hosts take one way.
  ["net.ipv4.fib_multipath_hash_policy", "1"],
  ["net.ipv6.fib_multipath_hash_policy", "1"],
] as const;

/** The namespaces and links of a lab. One route socket is kept for each namespace. */
export class Network implements Disposable {
  readonly #socketByNamespace = new Map<string, RouteSocket>();

  async addNamespace({ name, role, loopback }: NamespacePart): Promise<void> {
    const netns = netnsPath(name);
    makeNamespace(netns);
    const socket = openRouteSocket({ netns });
    this.#socketByNamespace.set(name, socket);
    if (role === "spine") for (const [key, value] of routerSysctls) writeSysctl(key, value, { netns });
    if (role === "fabric") await this.#addBridge(socket, netns);
    const links = linksByName(await socket.dumpLinks());
    await apply(socket, name, [
      ...loopback.map((address) => putAddress(indexOf(links, "lo", name), address, hostLength(address))),
      { type: "setLink", index: indexOf(links, "lo", name), isUp: true },
    ]);
  }

  removeNamespace(name: string): void {
    this.#socketByNamespace.get(name)?.[Symbol.dispose]();
    this.#socketByNamespace.delete(name);
    removeNamespace(netnsPath(name));
  }

  /** All links at once: a batch for each namespace. */
  async addLinks(parts: readonly LinkPart[]): Promise<void> {
    const byFabric = [...Map.groupBy(parts, (part) => part.fabric.namespace)];
    for (const [fabric, links] of byFabric) await this.#createVeths(fabric, links);
    const ends = [...parts.map((part) => part.host), ...parts.map((part) => part.fabric)];
    for (const [namespace, own] of Map.groupBy(ends, (end) => end.namespace)) {
      const socket = this.socket(namespace);
      const links = linksByName(await socket.dumpLinks());
      await apply(
        socket,
        namespace,
        own.flatMap((end) => settleEnd(end, indexOf(links, end.interface, namespace))),
      );
      const masters = parts.filter((part) => part.isBridged && part.fabric.namespace === namespace);
      const routes = parts.filter((part) => part.fabric.namespace === namespace);
      const ways = parts.filter((part) => part.host.namespace === namespace);
      await apply(socket, namespace, [
        ...masters.map(({ fabric }): RouteChange => {
          const index = indexOf(links, fabric.interface, namespace);
          return { type: "setLink", index, masterIndex: indexOf(links, bridge, namespace) };
        }),
        ...routes.flatMap(({ host, fabric, behindHost }) =>
          routesBy(host, behindHost, indexOf(links, fabric.interface, namespace), 0),
        ),
        ...ways.flatMap(({ host, fabric, behindFabric: { prefixes, metric } }) =>
          routesBy(fabric, prefixes, indexOf(links, host.interface, namespace), metric),
        ),
      ]);
    }
  }

  async removeLinks(parts: readonly LinkPart[]): Promise<void> {
    for (const [namespace, gone] of Map.groupBy(parts, (part) => part.fabric.namespace)) {
      const socket = this.socket(namespace);
      const links = linksByName(await socket.dumpLinks());
      const indexes = gone.flatMap(({ fabric }) => links.get(fabric.interface)?.index ?? []);
      await apply(
        socket,
        namespace,
        indexes.map((index): RouteChange => ({ type: "deleteLink", index })),
      );
    }
  }

  /** The prefixes that the kernel of a namespace forwards somewhere. */
  async routedPrefixes(namespace: string): Promise<ReadonlySet<Cidr>> {
    const routes = await this.socket(namespace).dumpRoutes({ table: mainTable });
    return new Set(routes.filter((route) => route.type === "unicast").map((route) => route.destination));
  }

  socket(namespace: string): RouteSocket {
    const socket = this.#socketByNamespace.get(namespace);
    if (socket === undefined) throw new TortieError("TT_LAB", `the lab has no namespace ${namespace}`);
    return socket;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#socketByNamespace.values()) socket[Symbol.dispose]();
    this.#socketByNamespace.clear();
  }

  async #addBridge(socket: RouteSocket, netns: string): Promise<void> {
    // Frames of the segment are nobody's business but the hosts'; by default they would cross this namespace's filters.
    for (const family of ["ip", "ip6", "arp"]) {
      writeSysctl(`net.bridge.bridge-nf-call-${family}tables`, "0", { netns, isOptional: true });
    }
    await apply(socket, bridge, [{ type: "createBridge", name: bridge }]);
    const index = indexOf(linksByName(await socket.dumpLinks()), bridge, bridge);
    await apply(socket, bridge, [
      { type: "setLink", index, addrGenMode: "none" },
      { type: "setLink", index, isUp: true },
    ]);
  }

  async #createVeths(fabric: string, parts: readonly LinkPart[]): Promise<void> {
    using opened = new DisposableStack();
    const changes = parts.map(({ host, fabric: end }): RouteChange => {
      const { fd } = opened.use(openNamespace(netnsPath(host.namespace)));
      return {
        type: "createVeth",
        name: end.interface,
        mac: end.mac,
        mtu,
        peer: { name: host.interface, mac: host.mac, netnsFd: fd },
      };
    });
    await apply(this.socket(fabric), fabric, changes);
  }
}

/** Nothing is kept of a batch with a failure in it: the first failure is the caller's. */
async function apply(socket: RouteSocket, where: string, changes: readonly RouteChange[]): Promise<void> {
  const [failed] = await socket.apply(changes);
  if (failed === undefined) return;
  throw new TortieError("TT_LAB", `${failed.change.type} in namespace ${where} of the lab failed: ${failed.message}`, {
    fields: { errno: failed.errno },
  });
}

/** An end without addresses is a port of the segment: it speaks no IP. */
function settleEnd(end: LinkEnd, index: number): RouteChange[] {
  return [
    ...(end.addresses.length === 0 ? [{ type: "setLink", index, addrGenMode: "none" } as const] : []),
    { type: "setLink", index, isUp: true },
    ...end.addresses.map(({ address, length }) => putAddress(index, address, length)),
  ];
}

function putAddress(linkIndex: number, address: IpAddress, length: number): RouteChange {
  return { type: "putAddress", address: { linkIndex, address, length, scope: "global", isNoDad: true } };
}

/** Routes to prefixes that are reached by the other end of a link. */
function routesBy(end: LinkEnd, prefixes: readonly Cidr[], linkIndex: number, metric: number): RouteChange[] {
  return prefixes.flatMap((destination): RouteChange[] => {
    const gateway = end.addresses.find(({ address }) => addressVersion(address) === cidrVersion(destination))?.address;
    if (gateway === undefined) return [];
    const route: Route = {
      destination,
      table: mainTable,
      protocol: staticProtocol,
      metric,
      type: "unicast",
      scope: "universe",
      linkIndex,
      gateway,
    };
    return [{ type: "putRoute", route }];
  });
}

function linksByName(links: readonly Link[]): ReadonlyMap<string, Link> {
  return new Map(links.map((link) => [link.name, link]));
}

function indexOf(links: ReadonlyMap<string, Link>, name: string, namespace: string): number {
  const link = links.get(name);
  if (link === undefined)
    throw new TortieError("TT_LAB", `namespace ${namespace} of the lab has lost its link ${name}`);
  return link.index;
}

function hostLength(address: IpAddress): number {
  return addressVersion(address) === 4 ? 32 : 128;
}
