import { type Cidr, cidrAddress, compareCidrs } from "../lib/index.ts";
import type {
  BGPConfiguration,
  BGPFilter,
  BGPPeer,
  BlockAffinity,
  IPPool,
  Node,
  Secret,
  WorkloadEndpoint,
} from "../resources/index.ts";
import { bgpNode, bgpSettings, routerIdOf } from "./bgp-node.ts";
import { type BgpWorkload, computeSessions } from "./bgp-sessions.ts";
import { endpointItem } from "./endpoints.ts";
import { compareTexts } from "../selector/index.ts";
import type { AdvertSource, BgpWanted, NatSource } from "./messages.ts";

/** What routing between hosts depends on. */
export class Routing {
  readonly #nodeName: string;
  readonly #nodes = new Map<string, Node>();
  readonly #peers = new Map<string, BGPPeer>();
  readonly #configurations = new Map<string, BGPConfiguration>();
  readonly #filters = new Map<string, BGPFilter>();
  /** By key, since a name stands in several namespaces. */
  readonly #secrets = new Map<string, Secret>();
  readonly #workloads = new Map<string, BgpWorkload>();
  readonly #pools = new Map<string, IPPool>();
  readonly #ownBlocks = new Map<string, Cidr>();
  #isBgpDirty = true;
  #areAdvertsDirty = true;
  #isNatDirty = true;

  constructor(nodeName: string) {
    this.#nodeName = nodeName;
  }

  setNode(name: string, node: Node | undefined): void {
    put(this.#nodes, name, node);
    this.#isBgpDirty = true;
  }

  setPeer(name: string, peer: BGPPeer | undefined): void {
    put(this.#peers, name, peer);
    this.#isBgpDirty = true;
  }

  setConfiguration(name: string, configuration: BGPConfiguration | undefined): void {
    put(this.#configurations, name, configuration);
    this.#isBgpDirty = true;
  }

  setFilter(name: string, filter: BGPFilter | undefined): void {
    put(this.#filters, name, filter);
    this.#isBgpDirty = true;
  }

  setSecret(key: string, secret: Secret | undefined): void {
    put(this.#secrets, key, secret);
    this.#isBgpDirty = true;
  }

  /** Undefined also for one of another node. */
  setWorkload(key: string, endpoint: WorkloadEndpoint | undefined): void {
    if (endpoint === undefined && !this.#workloads.has(key)) return;
    put(this.#workloads, key, endpoint && workloadOf(endpoint));
    if (this.#hasWorkloadPeers()) this.#isBgpDirty = true;
  }

  setPool(name: string, pool: IPPool | undefined): void {
    put(this.#pools, name, pool);
    this.#isBgpDirty = true;
    this.#isNatDirty = true;
    this.#areAdvertsDirty = true;
  }

  setAffinity(name: string, affinity: BlockAffinity | undefined): void {
    const isOwn =
      affinity?.spec.node === this.#nodeName && affinity.spec.type === "host" && affinity.spec.state === "confirmed";
    put(this.#ownBlocks, name, isOwn ? affinity.spec.cidr : undefined);
    this.#areAdvertsDirty = true;
  }

  /** Undefined: nothing has changed since the last time. */
  takeBgp(): BgpWanted | undefined {
    if (!this.#isBgpDirty) return undefined;
    this.#isBgpDirty = false;
    const settings = bgpSettings(this.#configurations);
    const nodes = [...this.#nodes.values()].toSorted(byName).map((node) => bgpNode(node, this.#configurations));
    const own = nodes.find((node) => node.name === this.#nodeName);
    const ownSpec = this.#configurations.get(`node.${this.#nodeName}`)?.spec;
    const defaultSpec = this.#configurations.get("default")?.spec;
    const listenPort = ownSpec?.listenPort ?? defaultSpec?.listenPort;
    const isBound = (ownSpec?.bindMode ?? defaultSpec?.bindMode) === "NodeIP";
    const exportWithin = this.#poolCidrs(({ spec }) => spec.disableBGPExport !== true);
    const [nextHop4, nextHop6] = [own?.address[4], own?.address[6]];
    return {
      localAs: own?.asNumber ?? settings.asNumber,
      routerId: routerIdOf(this.#nodeName, nextHop4),
      listenPort: own?.listenPort ?? listenPort ?? 179,
      ...(isBound ? { listenAddresses: [nextHop4, nextHop6].filter((address) => address !== undefined) } : {}),
      ...(nextHop4 === undefined ? {} : { nextHop4 }),
      ...(nextHop6 === undefined ? {} : { nextHop6 }),
      sessions:
        own === undefined
          ? []
          : computeSessions({
              node: own,
              nodes,
              peers: [...this.#peers.values()],
              settings,
              filters: this.#filters,
              secretsByName: this.#secretsByName(),
              workloads: this.#hasWorkloadPeers() ? inOrder(this.#workloads) : [],
              exportWithin,
            }),
      exportWithin,
    };
  }

  #hasWorkloadPeers(): boolean {
    return [...this.#peers.values()].some(({ spec }) => spec.localWorkloadSelector !== undefined);
  }

  /** Of several with one name the first by namespace. */
  #secretsByName(): Map<string, Secret> {
    return new Map(
      inOrder(this.#secrets)
        .toReversed()
        .map((secret) => [secret.metadata.name, secret]),
    );
  }

  takeAdverts(): AdvertSource | undefined {
    if (!this.#areAdvertsDirty) return undefined;
    this.#areAdvertsDirty = false;
    return {
      blocks: [...new Set(this.#ownBlocks.values())].sort(compareCidrs),
      exportedPools: this.#poolCidrs(({ spec }) => spec.disableBGPExport !== true),
      unexportedPools: this.#poolCidrs(({ spec }) => spec.disableBGPExport === true),
    };
  }

  /** Undefined: nothing has changed since the last time. */
  takeNat(): NatSource | undefined {
    if (!this.#isNatDirty) return undefined;
    this.#isNatDirty = false;
    return {
      natPools: this.#poolCidrs(({ spec }) => spec.natOutgoing === true),
      pools: this.#poolCidrs(() => true),
    };
  }

  #poolCidrs(isMeant: (pool: IPPool) => boolean): Cidr[] {
    const pools = [...this.#pools.values()].filter(isMeant);
    return [...new Set(pools.map(({ spec }) => spec.cidr))].sort(compareCidrs);
  }
}

function put<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

function inOrder<V>(map: ReadonlyMap<string, V>): V[] {
  return [...map].sort(([a], [b]) => compareTexts(a, b)).map(([, value]) => value);
}

function workloadOf(endpoint: WorkloadEndpoint): BgpWorkload {
  const { labels, nets } = endpointItem(endpoint);
  return { labels, addresses: nets.map(cidrAddress) };
}

/** Where several nodes would do, the first by name does: not the one that was heard of first. */
function byName(a: Node, b: Node): number {
  return compareTexts(a.metadata.name, b.metadata.name);
}
