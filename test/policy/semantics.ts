import { type IpAddress, addressVersion, cidrContains } from "../../src/lib/index.ts";
import { type HostEndpoint, type Resource, type WorkloadEndpoint, keyOf } from "../../src/resources/index.ts";
import { JudgedSettings } from "./host-settings.ts";
import { LabelledObjects } from "./labelled-objects.ts";
import {
  type Direction,
  type JudgedPolicy,
  type JudgedTier,
  type Place,
  type ProfileRules,
  comparePolicies,
  directions,
  readPolicies,
  readProfileRules,
  readProfiles,
  readTiers,
  sortTiers,
} from "./policy-meaning.ts";
import type { JudgedPacket, JudgedRule } from "./rule-meaning.ts";

export type Judgement = {
  readonly verdict: "accept" | "drop";
  /** What Log rules write, in order. */
  readonly logged: readonly string[];
  /** What was decided on the way, in order; the last entry is why. */
  readonly reasons: readonly string[];
  /** No rule took the packet out of connection tracking. */
  readonly isTracked: boolean;
};

export type HostFacts = {
  readonly node: string;
  readonly addressesByInterface: ReadonlyMap<string, readonly IpAddress[]>;
};

/** How interfaces of workloads are named unless somebody else names them. */
const workloadPrefix = "tt";
const loopback = "lo";

/** Listener query, report, done; router solicitation; neighbour solicitation and advertisement. */
const discovery: ReadonlySet<number> = new Set([130, 131, 132, 133, 135, 136]);
/** What routers alone say. */
const advertisement: ReadonlySet<number> = new Set([134]);
/** A host needs to hear routers and to report listeners of version 2 besides (RFC 4890 section 4.4.1). */
const vital: ReadonlySet<number> = new Set([...discovery, 134, 143]);

/** An endpoint and all that applies to it, in the order in which it is asked. */
type Asked = {
  readonly endpoint: WorkloadEndpoint | HostEndpoint;
  readonly tiers: Readonly<Record<Place, Readonly<Record<Direction, readonly AskedTier[]>>>>;
  readonly profiles: readonly (ProfileRules & { readonly name: string })[];
};
type AskedTier = { readonly tier: JudgedTier; readonly policies: readonly JudgedPolicy[] };

/**
 * What becomes of a packet on one host, told from the resources as a person would read them: no sets, chains, marks, indexes
 * or translated selectors. Knows nothing of how the product does it.
 */
export class Semantics {
  readonly #settings: JudgedSettings;
  /** By interface. `undefined` as a value: a workload's interface whose endpoint is refused. */
  readonly #workloads = new Map<string, Asked | undefined>();
  /** By address: the interfaces of the endpoints that have it. */
  readonly #claims = new Map<string, string[]>();
  readonly #hosts = new Map<string, Asked>();
  readonly #rest: Asked | undefined;

  constructor(resources: readonly Resource[], host: HostFacts) {
    this.#settings = new JudgedSettings(resources, host.node);
    const objects = new LabelledObjects(resources, readProfiles(resources));
    const asker = new Asker(resources, objects);
    for (const endpoint of inOrder(resources, "WorkloadEndpoint", host.node)) {
      const { interfaceName, allowSpoofedSourcePrefixes = [] } = endpoint.spec;
      const isRefused = allowSpoofedSourcePrefixes.length > 0 && !this.#settings.maySpoof;
      if (isRefused) this.#workloads.set(interfaceName, this.#workloads.get(interfaceName));
      else if (this.#workloads.get(interfaceName) === undefined)
        this.#workloads.set(interfaceName, asker.ask(endpoint));
    }
    for (const [name, asked] of this.#workloads) {
      const networks = asked !== undefined && "ipNetworks" in asked.endpoint.spec ? asked.endpoint.spec.ipNetworks : [];
      for (const address of new Set(networks?.map((network) => network.replace(/\/.*/, "")))) {
        this.#claims.set(address, [...(this.#claims.get(address) ?? []), name]);
      }
    }
    const hosts = inOrder(resources, "HostEndpoint", host.node);
    for (const endpoint of hosts) {
      const { interfaceName } = endpoint.spec;
      if (interfaceName === undefined || interfaceName === "*" || this.#hosts.has(interfaceName)) continue;
      this.#hosts.set(interfaceName, asker.ask(endpoint));
    }
    for (const endpoint of hosts) {
      if (endpoint.spec.interfaceName !== undefined) continue;
      for (const [name, addresses] of host.addressesByInterface) {
        const isThere = endpoint.spec.expectedIPs?.some((address) => addresses.includes(address));
        if (isThere === true && !this.#hosts.has(name)) this.#hosts.set(name, asker.ask(endpoint));
      }
    }
    const rest = hosts.find(({ spec }) => spec.interfaceName === "*");
    this.#rest = rest === undefined ? undefined : asker.ask(rest);
  }

  judge(packet: JudgedPacket): Judgement {
    const way = new Way(packet, this.#settings);
    const isOpen = packet.inputName === undefined ? this.#leaves(way) : this.#arrives(way, packet.inputName);
    const { logged, reasons, isTracked } = way;
    return { verdict: isOpen ? "accept" : "drop", logged, reasons, isTracked };
  }

  #arrives(way: Way, inputName: string): boolean {
    const { outputName } = way.packet;
    if (inputName === loopback) return way.says(true, "the host with itself");
    if (this.#isWorkload(inputName)) {
      const sender = this.#workloads.get(inputName);
      if (sender === undefined) return way.says(false, "from an interface of no workload");
      if (!way.isOwnWord() || !this.#isOwnSource(way, sender, inputName)) return false;
      if (outputName !== undefined) return way.asksWorkload(sender, "egress") && this.#goesOut(way, outputName);
      if (way.isDiscovery()) return way.says(true, "discovery of neighbours");
      if (!way.asksWorkload(sender, "egress")) return false;
      if (way.isGoingOn()) return way.says(true, "answer to the host");
      return way.says(this.#settings.isHostOpen, "from a workload to its host");
    }
    const named = this.#hosts.get(inputName);
    const outer = named ?? this.#rest;
    if (named !== undefined && !way.asksUntracked(named, "ingress")) return false;
    if (outer !== undefined && !way.asksPreDnat(outer)) return false;
    if (outputName === undefined)
      return outer === undefined ? way.says(true, "no host endpoint") : way.asksHost(outer, "ingress");
    return (outer === undefined || way.asksForward(outer, "ingress")) && this.#goesOut(way, outputName);
  }

  /** Its own address, or one that nobody but the way back speaks for. */
  #isOwnSource(way: Way, { endpoint }: Asked, inputName: string): boolean {
    const [claimant, ...others] = this.#claims.get(way.packet.source) ?? [];
    return (claimant === inputName && others.length === 0) || way.isOwnSource(endpoint);
  }

  #goesOut(way: Way, outputName: string): boolean {
    if (this.#isWorkload(outputName)) {
      const receiver = this.#workloads.get(outputName);
      return receiver === undefined
        ? way.says(false, "to an interface of no workload")
        : way.asksWorkload(receiver, "ingress");
    }
    const outer = this.#hosts.get(outputName) ?? this.#rest;
    return outer === undefined ? way.says(true, "no host endpoint") : way.asksForward(outer, "egress");
  }

  /** What the host sends itself. */
  #leaves(way: Way): boolean {
    const { outputName = loopback } = way.packet;
    if (outputName === loopback) return way.says(true, "the host with itself");
    // A host always reaches its own workloads. An interface that only looks like one of theirs is like any other here.
    if (this.#workloads.has(outputName)) return way.says(true, "from the host to a workload");
    const named = this.#hosts.get(outputName);
    if (named !== undefined && !way.asksUntracked(named, "egress")) return false;
    const outer = named ?? this.#rest;
    return outer === undefined ? way.says(true, "no host endpoint") : way.asksHost(outer, "egress");
  }

  #isWorkload(interfaceName: string): boolean {
    return interfaceName.startsWith(workloadPrefix) || this.#workloads.has(interfaceName);
  }
}

/** Endpoints of the host, in the order of their ids, in which the first of several comes to its right. */
function inOrder<K extends "WorkloadEndpoint" | "HostEndpoint">(
  resources: readonly Resource[],
  kind: K,
  node: string,
): Extract<Resource, { kind: K }>[] {
  return resources
    .filter(
      (resource): resource is Extract<Resource, { kind: K }> => resource.kind === kind && resource.spec.node === node,
    )
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** Finds what applies to an endpoint. */
class Asker {
  readonly #policies: readonly JudgedPolicy[];
  readonly #tiers: ReadonlyMap<string, JudgedTier>;
  readonly #profiles: ReadonlyMap<string, ProfileRules>;

  constructor(resources: readonly Resource[], objects: LabelledObjects) {
    this.#policies = readPolicies(resources, objects);
    this.#tiers = readTiers(resources);
    this.#profiles = readProfileRules(resources, objects);
  }

  ask(endpoint: WorkloadEndpoint | HostEndpoint): Asked {
    const applying = this.#policies.filter((policy) => policy.appliesTo(endpoint));
    const at = (place: Place) => {
      const [ingress, egress] = directions.map((direction) =>
        this.#sort(applying.filter(({ places, captures }) => places.has(place) && captures[direction])),
      );
      return { ingress: ingress!, egress: egress! };
    };
    return {
      endpoint,
      tiers: { normal: at("normal"), forward: at("forward"), untracked: at("untracked"), preDnat: at("preDnat") },
      profiles: (endpoint.spec.profiles ?? []).flatMap((name) => {
        const rules = this.#profiles.get(name);
        return rules === undefined ? [] : [{ ...rules, name }];
      }),
    };
  }

  #sort(policies: readonly JudgedPolicy[]): AskedTier[] {
    return sortTiers(
      policies.map(({ tier }) => tier),
      this.#tiers,
    ).map((tier) => ({ tier, policies: policies.filter((policy) => policy.tier === tier.name).sort(comparePolicies) }));
  }
}

/** One packet's way through the host. Each question answers whether the packet goes on. */
class Way {
  readonly packet: JudgedPacket;
  readonly logged: string[] = [];
  readonly reasons: string[] = [];
  isTracked = true;
  readonly #settings: JudgedSettings;

  constructor(packet: JudgedPacket, settings: JudgedSettings) {
    this.packet = packet;
    this.#settings = settings;
  }

  says(isOpen: boolean, reason: string): boolean {
    this.reasons.push(`${reason}: ${isOpen ? "on" : "drop"}`);
    return isOpen;
  }

  isGoingOn(): boolean {
    return this.#state === "established" || this.#state === "related";
  }

  isDiscovery(): boolean {
    return this.#isIcmp6(discovery);
  }

  /** Workloads say nothing that only routers and servers of addresses say. */
  isOwnWord(): boolean {
    const { protocol, icmp, ports = [] } = this.packet;
    const isIpv6 = addressVersion(this.packet.source) === 6;
    const isRedirect = isIpv6 ? protocol === 58 && icmp?.type === 137 : protocol === 1 && icmp?.type === 5;
    const isRouter = this.#isIcmp6(advertisement);
    const [from, to] = ports;
    const isServer = protocol === 17 && ((from === 67 && to === 68) || (from === 547 && to === 546));
    return !(isRedirect || isRouter || isServer) || this.says(false, "a router's or server's word from a workload");
  }

  isOwnSource({ spec }: Asked["endpoint"]): boolean {
    const { isSourceReal, source } = this.packet;
    const allowed = "allowSpoofedSourcePrefixes" in spec ? (spec.allowSpoofedSourcePrefixes ?? []) : [];
    const isOwn = isSourceReal || (this.#settings.maySpoof && allowed.some((net) => cidrContains(net, source)));
    return isOwn || this.says(false, "forged source");
  }

  asksWorkload(asked: Asked, direction: Direction): boolean {
    if (this.isGoingOn()) return this.says(true, "connection that goes on");
    if (this.#isInvalid()) return this.says(false, "invalid");
    if (direction === "egress") {
      const { protocol, ports } = this.packet;
      if (protocol === 17 && ports?.[1] === 4789 && !this.#settings.mayTunnelVxlan) return this.says(false, "VXLAN");
      if (protocol === 4 && !this.#settings.mayTunnelIpIp) return this.says(false, "IP in IP");
    }
    return this.#askTiers(asked, "normal", direction) ?? this.#askProfiles(asked, direction);
  }

  /** What ends or begins in the host. */
  asksHost(asked: Asked, direction: Direction): boolean {
    if (!this.isTracked) return true;
    if (this.isGoingOn()) return this.says(true, "connection that goes on");
    if (this.#isInvalid()) return this.says(false, "invalid");
    if (this.#isIcmp6(vital)) return this.says(true, "vital ICMPv6");
    if (this.#settings.isFailsafe(direction, this.packet)) return this.says(true, "failsafe port");
    return this.#askTiers(asked, "normal", direction) ?? this.#askProfiles(asked, direction);
  }

  /** What goes through the host: open where no policy asks for it. */
  asksForward(asked: Asked, direction: Direction): boolean {
    if (asked.tiers.forward[direction].length === 0) return this.says(true, "no policy on forward");
    if (!this.isTracked) return true;
    if (this.isGoingOn()) return this.says(true, "connection that goes on");
    if (this.#isInvalid()) return this.says(false, "invalid");
    return this.#askTiers(asked, "forward", direction) ?? true;
  }

  /** Before connections are known. What is allowed here is neither tracked nor asked about again at host endpoints. */
  asksUntracked(asked: Asked, direction: Direction): boolean {
    if (asked.tiers.untracked[direction].length === 0) return true;
    if (this.#settings.isFailsafe(direction, this.packet) || this.#settings.isFailsafeAnswer(direction, this.packet)) {
      return this.says(true, "failsafe port, untracked");
    }
    const answer = this.#askTiers(asked, "untracked", direction);
    if (answer === true) this.isTracked = false;
    return answer ?? true;
  }

  /** Before addresses are translated; what nothing denies goes on. */
  asksPreDnat(asked: Asked): boolean {
    if (asked.tiers.preDnat.ingress.length === 0 || !this.isTracked) return true;
    if (this.isGoingOn()) return this.says(true, "connection that goes on");
    if (this.#isInvalid()) return this.says(false, "invalid");
    if (this.#settings.isFailsafe("ingress", this.packet)) return this.says(true, "failsafe port, pre-DNAT");
    return this.#askTiers(asked, "preDnat", "ingress") ?? true;
  }

  get #state(): JudgedPacket["state"] {
    return this.isTracked ? this.packet.state : "untracked";
  }

  #isInvalid(): boolean {
    return this.#state === "invalid" && this.#settings.isInvalidDropped;
  }

  #isIcmp6(types: ReadonlySet<number>): boolean {
    const { source, protocol, icmp } = this.packet;
    return addressVersion(source) === 6 && protocol === 58 && icmp !== undefined && types.has(icmp.type);
  }

  /** Undefined: every tier passed it on. */
  #askTiers({ tiers }: Asked, place: Place, direction: Direction): boolean | undefined {
    const isEndless = place === "untracked" || place === "preDnat";
    for (const { tier, policies } of tiers[place][direction]) {
      const decision = this.#askPolicies(policies, direction);
      const action = decision?.action ?? (isEndless ? "Pass" : tier.defaultAction);
      this.reasons.push(`${place}, tier ${tier.name}, ${decision?.by ?? `${direction} end`}: ${action}`);
      if (action !== "Pass") return action === "Allow";
    }
    return undefined;
  }

  #askPolicies(policies: readonly JudgedPolicy[], direction: Direction): Decision | undefined {
    for (const policy of policies) {
      const decision = this.#askRules(policy.rules[direction], policy, direction);
      if (decision !== undefined) return decision;
    }
    return undefined;
  }

  #askProfiles({ profiles }: Asked, direction: Direction): boolean {
    for (const profile of profiles) {
      const owner = { ...profile, kind: "Profile", tier: "", namespace: "" };
      const decision = this.#askRules(profile[direction], owner, direction);
      // Pass leaves only this profile.
      if (decision?.action === "Allow" || decision?.action === "Deny") {
        return this.says(decision.action === "Allow", decision.by);
      }
    }
    return this.says(false, "nothing allows it");
  }

  #askRules(rules: readonly JudgedRule[], owner: RuleOwner, direction: Direction): Decision | undefined {
    for (const [at, rule] of rules.entries()) {
      if (!rule.matches(this.packet)) continue;
      const { action } = rule;
      if (action !== "Log") return { action, by: `${owner.kind} ${owner.namespace}/${owner.name} ${direction}[${at}]` };
      this.logged.push(this.#settings.logLine(owner, `${direction}[${at}]`));
    }
    return undefined;
  }
}

type Decision = { readonly action: "Allow" | "Deny" | "Pass"; readonly by: string };
type RuleOwner = { readonly tier: string; readonly kind: string; readonly name: string; readonly namespace: string };
