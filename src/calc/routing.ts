import { type Cidr, compareCidrs } from "../lib/index.ts";
import type { BGPConfiguration, BGPPeer, BlockAffinity, IPPool, Node } from "../resources/index.ts";
import { bgpNode, bgpSettings, routerIdOf } from "./bgp-node.ts";
import { computeSessions } from "./bgp-sessions.ts";
import { compareTexts } from "../selector/index.ts";
import type { AdvertSource, BgpWanted, NatSource } from "./messages.ts";

/** What routing between hosts depends on. */
export class Routing {
  readonly #nodeName: string;
  readonly #nodes = new Map<string, Node>();
  readonly #peers = new Map<string, BGPPeer>();
  readonly #configurations = new Map<string, BGPConfiguration>();
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
    const listenPort =
      this.#configurations.get(`node.${this.#nodeName}`)?.spec.listenPort ??
      this.#configurations.get("default")?.spec.listenPort;
    const [nextHop4, nextHop6] = [own?.address[4], own?.address[6]];
    return {
      localAs: own?.asNumber ?? settings.asNumber,
      routerId: routerIdOf(this.#nodeName, nextHop4),
      listenPort: own?.listenPort ?? listenPort ?? 179,
      ...(nextHop4 === undefined ? {} : { nextHop4 }),
      ...(nextHop6 === undefined ? {} : { nextHop6 }),
      sessions:
        own === undefined ? [] : computeSessions({ node: own, nodes, peers: [...this.#peers.values()], settings }),
      exportWithin: this.#poolCidrs(({ spec }) => spec.disableBGPExport !== true),
    };
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

/** Where several nodes would do, the first by name does: not the one that was heard of first. */
function byName(a: Node, b: Node): number {
  return compareTexts(a.metadata.name, b.metadata.name);
}
