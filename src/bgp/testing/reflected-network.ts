import type { Random } from "../../lib/index.ts";
import { type IpAddress, addressFromBigInt, addressToBigInt, parseCidr } from "../../lib/index.ts";
import type { Family, OriginatedRoute, PeerConfig, SessionConfig } from "../config.ts";
import { address, route } from "./network.ts";
import type { SpeakerPlan } from "./simulation.ts";

export type Shape = {
  /** Reflectors that have reflectors as clients. */
  readonly tops: number;
  /** Groups of hosts with two reflectors each. */
  readonly pods: number;
  readonly leavesPerPod: number;
  /** Routers of other AS numbers, each at one or two leaves. */
  readonly externals: number;
  readonly routesPerLeaf: number;
  /** Everybody tells and hears all paths (RFC 7911). */
  readonly hasAddPath: boolean;
};

type Role = "top" | "middle" | "leaf" | "external";

export type Member = {
  readonly plan: SpeakerPlan;
  readonly role: Role;
  readonly asNumber: number;
  /** Names of those that it has sessions with. */
  readonly peers: readonly string[];
};

export const ownAs = 64512;
const holdTimeSeconds = 30;
export const restartTimeSeconds = 60;

type Place = { readonly name: string; readonly role: Role; readonly number: number; readonly asNumber: number };

/**
 * A network of hosts with two levels of reflectors:
 *
 *     tops       full mesh
 *     middles    two a pod, clients of all tops
 *     leaves     clients of both middles of their pod, one over each IP version
 *     externals  routers of other AS numbers at some leaves
 */
export class ReflectedNetwork {
  readonly members: readonly Member[];
  readonly #shape: Shape;
  readonly #random: Random;
  readonly #places: Place[] = [];
  readonly #links: { readonly a: Place; readonly b: Place }[] = [];
  /** Both reflectors of a pod use one cluster, or each its own. */
  readonly #isClusterShared: boolean;
  /** Middles take leaves as they come. */
  readonly #hasRanges: boolean;

  constructor(shape: Shape, random: Random) {
    this.#shape = shape;
    this.#random = random;
    this.#isClusterShared = random() < 0.5;
    this.#hasRanges = random() < 0.5;
    this.#build();
    this.members = this.#places.map((place) => this.#member(place));
  }

  /** Another set of routes for a leaf or an external router, by chance. */
  routesOf(name: string): OriginatedRoute[] {
    const place = this.#places.find((one) => one.name === name);
    return place === undefined ? [] : this.#routes(place);
  }

  get links(): readonly (readonly [string, string])[] {
    return this.#links.map(({ a, b }) => [a.name, b.name] as const);
  }

  #build(): void {
    const { tops, pods, leavesPerPod, externals } = this.#shape;
    const add = (role: Role, number: number, asNumber = ownAs): Place => {
      const place = { name: `${role}${number}`, role, number, asNumber };
      this.#places.push(place);
      return place;
    };
    const join = (a: Place, b: Place) => this.#links.push({ a, b });
    const topPlaces = Array.from({ length: tops }, (_, i) => add("top", i));
    for (const [i, a] of topPlaces.entries()) for (const b of topPlaces.slice(i + 1)) join(a, b);
    const leaves: Place[] = [];
    for (let pod = 0; pod < pods; pod++) {
      const middles = [add("middle", 2 * pod), add("middle", 2 * pod + 1)];
      for (const middle of middles) for (const top of topPlaces) join(top, middle);
      for (let i = 0; i < leavesPerPod; i++) {
        const leaf = add("leaf", pod * leavesPerPod + i);
        leaves.push(leaf);
        for (const middle of middles) join(middle, leaf);
      }
    }
    for (let i = 0; i < externals; i++) {
      const external = add("external", i, 65_001 + i);
      const homes = new Set([this.#pick(leaves), ...(this.#random() < 0.5 ? [this.#pick(leaves)] : [])]);
      for (const leaf of homes) if (leaf !== undefined) join(external, leaf);
    }
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)];
  }

  #member(place: Place): Member {
    const { name, role, asNumber } = place;
    const links = this.#links.filter(({ a, b }) => a === place || b === place);
    const own4 = address4(place);
    const isTakenAsItComes = (other: Place) => this.#hasRanges && role === "middle" && other.role === "leaf";
    const others = links.map(({ a, b }) => (a === place ? b : a));
    const plan: SpeakerPlan = {
      name,
      addresses: [own4, address6(place)],
      isForwarding: role === "leaf" || role === "external" || this.#random() < 0.5,
      routes: this.#routes(place),
      config: {
        localAs: asNumber,
        routerId: own4,
        listenPort: 179,
        restartTimeSeconds,
        exportWithin: "all",
        nextHop4: own4,
        nextHop6: address6(place),
        hasNextHopTracking: this.#random() < 0.5,
        peers: others.filter((other) => !isTakenAsItComes(other)).map((other) => this.#peer(place, other)),
        ranges:
          this.#hasRanges && role === "middle"
            ? ["10.3.0.0/16", "fd00:3::/32"].map((text) => ({
                name: `leaves${text.includes(":") ? 6 : 4}`,
                prefix: parseCidr(text) ?? route(text).prefix,
                session: { ...this.#session(place, { ...place, role: "leaf" }), isPassive: true },
                maxPeers: 1000,
              }))
            : [],
      },
    };
    return { plan, role, asNumber, peers: others.map((other) => other.name) };
  }

  #peer(own: Place, other: Place): PeerConfig {
    // The second reflector of a pod is spoken to over IPv6.
    const middle = [own, other].find(({ role }) => role === "middle");
    const isOver6 = middle !== undefined && middle.number % 2 === 1;
    return {
      ...this.#session(own, other),
      name: other.name,
      address: isOver6 ? address6(other) : address4(other),
      localAddress: isOver6 ? address6(own) : address4(own),
    };
  }

  #session(own: Place, other: Place): SessionConfig {
    const isClient =
      (own.role === "top" && other.role === "middle") || (own.role === "middle" && other.role === "leaf");
    const cluster = own.role === "middle" && this.#isClusterShared ? { ...own, number: own.number & ~1 } : own;
    const families: readonly Family[] = ["ipv4-unicast", "ipv6-unicast"];
    return {
      type: "nodePeer",
      port: 179,
      asNumber: other.asNumber,
      isPassive: false,
      families,
      holdTimeSeconds,
      // What comes from outside is reached through the host that it came to.
      nextHopMode: own.role === "leaf" ? "self" : "auto",
      ...(isClient ? { reflectorCluster: address4(cluster) } : {}),
      ...(this.#shape.hasAddPath && own.asNumber === other.asNumber
        ? { addPath: { canSend: true, canReceive: true, maxSent: 64 } }
        : {}),
    };
  }

  /** Each has prefixes of its own; some of a leaf's are those of other leaves as well. */
  #routes(place: Place): OriginatedRoute[] {
    const { role, number } = place;
    if (role === "top") return [];
    const roleNumber = role === "leaf" ? 20 : role === "middle" ? 21 : 22;
    const routes: OriginatedRoute[] = [];
    const add = (prefix4: string, prefix6: string, more: () => Partial<OriginatedRoute>) => {
      if (this.#random() < 0.8) routes.push(route(prefix4, more()));
      if (this.#random() < 0.8) routes.push(route(prefix6, more()));
    };
    const attributes = (): Partial<OriginatedRoute> => ({
      localPref: this.#random() < 0.7 ? 100 : 50 + Math.floor(this.#random() * 100),
      ...(this.#random() < 0.2 ? { med: Math.floor(this.#random() * 5) } : {}),
      ...(this.#random() < 0.3 ? { communities: [64512 * 65536 + Math.floor(this.#random() * 4)] } : {}),
    });
    const count = role === "middle" ? 1 : this.#shape.routesPerLeaf;
    for (let i = 0; i < count; i++) {
      add(`10.${roleNumber}.${number}.${i}/32`, `fd00:${roleNumber}:${number}::${i + 1}/128`, attributes);
    }
    // Paths of one AS without MED: with it the order of paths is none that everybody shares (RFC 3345).
    const sharedAttributes = (): Partial<OriginatedRoute> => ({ localPref: this.#random() < 0.8 ? 100 : 120 });
    const isSharing = role === "leaf" ? this.#random() < 0.3 : role === "external";
    if (isSharing) {
      const which = number % 4;
      const space = role === "leaf" ? 30 : 31;
      add(`10.${space}.0.${which}/32`, `fd00:${space}::${which + 1}/128`, sharedAttributes);
    }
    return routes;
  }
}

const roleOctet: Readonly<Record<Role, number>> = { top: 1, middle: 2, leaf: 3, external: 4 };

function address4({ role, number }: Place): IpAddress {
  return addressFromBigInt(addressToBigInt(address("10.0.0.0")) + BigInt((roleOctet[role] << 16) + number + 1), 4);
}

function address6({ role, number }: Place): IpAddress {
  return address(`fd00:${roleOctet[role]}::${(number + 1).toString(16)}`);
}
