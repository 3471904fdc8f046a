import type { BestPath, RouteUpdate } from "../src/bgp/index.ts";
import { CalcGraph } from "../src/calc/index.ts";
import { HostDataplane, gatewayAddress4, gatewayAddress6, gatewayMac } from "../src/dataplane/index.ts";
import { type RouteSocket, openNftSocket, openRouteSocket, writeSysctl } from "../src/kernel/index.ts";
import { type IpAddress, type IpVersion, addressToCidr, formatProblem, parseAddress } from "../src/lib/index.ts";
import type { RouteChange } from "../src/netlink/index.ts";
import { type Table, diffTables } from "../src/nft/index.ts";
import { type Resource, decodeResource, keyOf } from "../src/resources/index.ts";
import { openNamespace } from "../src/sys/index.ts";
import {
  type HostNumber,
  type Pair,
  fabricAddress,
  workloadAddress,
  workloadLink,
  workloadMac,
} from "./dataplane-hosts.ts";
import { allowedPorts } from "./dataplane-traffic.ts";

const versions = [4, 6] as const;

export type TortieSize = {
  /** On each host of the pair, and of policies in all. */
  readonly workloads: number;
  /** The pair, and others that are only routes. */
  readonly hosts: number;
};

export type HostTables = Readonly<Record<HostNumber, Table>>;

/** Two hosts as our agent makes them: from resources and BGP routes to the kernel by the same code. Gives their rules. */
export async function makeTortie(pair: Pair, { workloads, hosts }: TortieSize): Promise<HostTables> {
  const resources = [...policies(workloads), ...endpoints(1, workloads), ...endpoints(2, workloads)];
  const program = async (host: HostNumber) => {
    using socket = openRouteSocket({ netns: pair.host(host) });
    await attachAll(socket, host, workloads, { first: pair.workload(host), rest: pair.crowd });
    const table = await programHost(
      socket,
      pair.host(host),
      nodeName(host),
      resources,
      learned(host, { workloads, hosts }),
    );
    pair.configureInside(host, { ip4: gatewayAddress4, ip6: gatewayAddress6 });
    return table;
  };
  return { 1: await program(1), 2: await program(2) };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}

function nodeName(host: HostNumber): string {
  return `host-${host}`;
}

function read(object: object): Resource {
  const decoded = decodeResource({ apiVersion: "projectcalico.org/v3", ...object });
  if (decoded.ok) return decoded.value;
  throw new Error(decoded.problems.map(formatProblem).join("; "));
}

/** One for each workload's number: its peers may come by the ports of the traffic, and it may go to all of them. */
function policies(count: number): Resource[] {
  const peers = { selector: "has(peer)" };
  return numbers(count).map((at) =>
    read({
      kind: "GlobalNetworkPolicy",
      metadata: { name: `w${at}` },
      spec: {
        selector: `workload == "w${at}"`,
        types: ["Ingress", "Egress"],
        ingress: ["TCP", "UDP"].map((protocol) => ({
          action: "Allow",
          protocol,
          source: peers,
          destination: { ports: [allowedPorts] },
        })),
        egress: ["TCP", "UDP"].map((protocol) => ({ action: "Allow", protocol, destination: peers })),
      },
    }),
  );
}

function endpoints(host: HostNumber, count: number): Resource[] {
  return numbers(count).map((at) =>
    read({
      kind: "WorkloadEndpoint",
      metadata: {
        name: `host--${host}-tortie-w${at}-eth0`,
        namespace: "default",
        labels: { workload: `w${at}`, peer: "yes" },
      },
      spec: {
        node: nodeName(host),
        orchestrator: "tortie",
        workload: `w${at}`,
        endpoint: "eth0",
        interfaceName: workloadLink(at),
        mac: workloadMac(host, at),
        ipNetworks: versions.map((version) => workloadAddress(host, at, version)),
      },
    }),
  );
}

function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

/** A route to each workload of the other host; and, where there are more hosts, one of each version to every one of those. */
function learned(host: HostNumber, { workloads, hosts }: TortieSize): RouteUpdate[] {
  const other = host === 1 ? 2 : 1;
  const further = numbers(hosts + 1).slice(3);
  return versions.flatMap((version) => [
    ...numbers(workloads).map((at) => route(workloadAddress(other, at, version), other, version)),
    ...further.map((host) => route(workloadAddress(host, 0, version), host, version)),
  ]);
}

function route(destination: string, host: number, version: IpVersion): RouteUpdate {
  const nextHop = address(fabricAddress(host, version));
  const path: BestPath = {
    nextHop,
    peer: nextHop,
    peerName: `host-${host}`,
    isInternal: true,
    asPath: [],
    communities: [],
    localPref: 100,
  };
  return { prefix: addressToCidr(address(destination)), paths: [path] };
}

/** The links of all workloads, as attaching makes them. Only the first one's leads anywhere; the far ends of the rest stay down. */
async function attachAll(
  socket: RouteSocket,
  host: HostNumber,
  count: number,
  inside: { readonly first: string; readonly rest: string },
): Promise<void> {
  using first = openNamespace(inside.first);
  using rest = openNamespace(inside.rest);
  const changes = numbers(count).map((at): RouteChange => {
    const mac = workloadMac(host, at);
    const peer =
      at === 0 ? { name: "eth0", mac, netnsFd: first.fd } : { name: `h${host}w${at}`, mac, netnsFd: rest.fd };
    return { type: "createVeth", name: workloadLink(at), mac: gatewayMac, mtu: 1500, peer };
  });
  await applyAll(socket, changes);
  const links = (await socket.dumpLinks()).filter(({ kind, name }) => kind === "veth" && name.startsWith("ttw"));
  await applyAll(
    socket,
    links.map(({ index }) => ({ type: "setLink", index, addrGenMode: "none" })),
  );
}

/** Rules first, then links, then what rests on them; gives the rules. */
async function programHost(
  socket: RouteSocket,
  netns: string,
  node: string,
  resources: readonly Resource[],
  routes: readonly RouteUpdate[],
): Promise<Table> {
  const graph = new CalcGraph({ node });
  const dataplane = new HostDataplane();
  using nft = openNftSocket({ netns });
  for (const resource of resources) graph.onResource(keyOf(resource), resource);
  graph.onSynced();
  dataplane.onLinks(await socket.dumpLinks());
  dataplane.onAddresses(await socket.dumpAddresses());
  dataplane.onRoutes(await socket.dumpRoutes());
  dataplane.onNextHops([]);
  dataplane.onTable(undefined);
  for (const message of graph.flush()) dataplane.onCalc(message);
  dataplane.onBgpRoutes(routes);
  for (const version of versions) dataplane.onBgpSettled(version);
  const { table } = dataplane.wanted();
  await nft.apply(diffTables(undefined, table));
  dataplane.onTable(table);
  const opening = dataplane.wanted();
  for (const { path, value } of opening.sysctls) writeSysctl(path, value, { netns, isOptional: true });
  await applyAll(
    socket,
    opening.links.map(({ index }) => ({ type: "setLink", index, isUp: true })),
  );
  dataplane.onLinks(await socket.dumpLinks());
  const wanted = dataplane.wanted();
  await applyAll(socket, [
    ...wanted.addresses.map((address): RouteChange => ({ type: "putAddress", address })),
    ...wanted.neighbours.map((neighbour): RouteChange => ({ type: "putNeighbour", neighbour })),
    ...wanted.nextHops.map((nextHop): RouteChange => ({ type: "putNextHop", nextHop })),
    ...wanted.routes.map((route): RouteChange => ({ type: "putRoute", route })),
  ]);
  return table;
}

async function applyAll(socket: RouteSocket, changes: readonly RouteChange[]): Promise<void> {
  const [failed] = await socket.apply(changes);
  if (failed !== undefined) throw new Error(`${failed.change.type}: ${failed.message}`);
}
