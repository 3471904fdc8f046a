import {
  type IpAddress,
  type IpVersion,
  addressVersion,
  cidrContains,
  cidrLength,
  cidrVersion,
} from "../../lib/index.ts";
import {
  type EntityRule,
  type GlobalNetworkPolicy,
  type GlobalNetworkSet,
  type IcmpMatch,
  type Namespace,
  type NetworkPolicy,
  type NetworkSet,
  type Port,
  type Profile,
  type Resource,
  type Rule,
  type Tier,
  type WorkloadEndpoint,
  keyOf,
  protocolNumber,
} from "../../resources/index.ts";
import { evaluateSelector, parseSelector } from "../../selector/index.ts";
import type { Outcome, Packet } from "../../nft/index.ts";

/**
 * What the policies say about a packet, read from the resources rule by rule, as a person would: no sets, no chains, no
 * index, no translated selectors. The other side of the proof that calc and dataplane mean the same.
 */
export class Judge {
  readonly #policies: (NetworkPolicy | GlobalNetworkPolicy)[] = [];
  readonly #profiles = new Map<string, Profile>();
  readonly #tiers = new Map<string, Tier>();
  readonly #namespaces = new Map<string, Namespace>();
  readonly #endpoints: WorkloadEndpoint[] = [];
  readonly #objects: (WorkloadEndpoint | NetworkSet | GlobalNetworkSet)[] = [];
  readonly #node: string;
  #logged: string[] = [];

  constructor(resources: readonly Resource[], node: string) {
    this.#node = node;
    for (const resource of resources) {
      if (resource.kind === "NetworkPolicy" || resource.kind === "GlobalNetworkPolicy") this.#policies.push(resource);
      if (resource.kind === "Profile") this.#profiles.set(resource.metadata.name, resource);
      if (resource.kind === "Tier") this.#tiers.set(resource.metadata.name, resource);
      if (resource.kind === "Namespace") this.#namespaces.set(resource.metadata.name, resource);
      if (resource.kind === "WorkloadEndpoint") this.#endpoints.push(resource);
      if (
        resource.kind === "WorkloadEndpoint" ||
        resource.kind === "NetworkSet" ||
        resource.kind === "GlobalNetworkSet"
      ) {
        this.#objects.push(resource);
      }
    }
  }

  judge(packet: Packet): Omit<Outcome, "matched"> {
    this.#logged = [];
    return { verdict: this.#verdict(packet), logged: this.#logged };
  }

  #verdict(packet: Packet): "accept" | "drop" {
    const { inputName } = packet;
    // What the host sends is nobody's business here.
    if (inputName === undefined) return "accept";
    const from = this.#local(inputName);
    const to = packet.outputName === undefined ? undefined : this.#local(packet.outputName);
    if (from === undefined && inputName.startsWith("tt")) return "drop";
    if (from !== undefined && !packet.isSourceReal) return "drop";
    if (packet.outputName === undefined) {
      if (from === undefined) return "accept";
      const neighbourDiscovery = [130, 131, 132, 133, 135, 136];
      if (packet.protocol === 58 && neighbourDiscovery.includes(packet.icmp?.type ?? 0)) return "accept";
      // Whatever the rules say, nothing but answers reaches the host itself. They are asked, for the log.
      return this.#isAllowed(from, "egress", packet) && isGoingOn(packet) ? "accept" : "drop";
    }
    if (from !== undefined && !this.#isAllowed(from, "egress", packet)) return "drop";
    if (to === undefined) return packet.outputName.startsWith("tt") ? "drop" : "accept";
    return this.#isAllowed(to, "ingress", packet) ? "accept" : "drop";
  }

  #local(interfaceName: string): WorkloadEndpoint | undefined {
    return this.#endpoints
      .filter(({ spec }) => spec.node === this.#node && spec.interfaceName === interfaceName)
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))[0];
  }

  #isAllowed(endpoint: WorkloadEndpoint, direction: "ingress" | "egress", packet: Packet): boolean {
    if (isGoingOn(packet)) return true;
    if (packet.state === "invalid") return false;
    if (direction === "egress") {
      const isVxlan = packet.protocol === 17 && packet.ports?.[1] === 4789;
      if (isVxlan || packet.protocol === 4) return false;
    }
    const type = direction === "ingress" ? "Ingress" : "Egress";
    const applying = this.#policies.filter((p) => p.spec.types.includes(type) && this.#applies(p, endpoint));
    for (const tier of [...new Set(applying.map((policy) => policy.spec.tier))].sort((a, b) =>
      this.#compareTiers(a, b),
    )) {
      const ofTier = applying.filter((policy) => policy.spec.tier === tier).sort(compare);
      const verdict = this.#judgeTier(ofTier, direction, packet) ?? this.#tiers.get(tier)?.spec.defaultAction ?? "Deny";
      if (verdict !== "Pass") return verdict === "Allow";
    }
    return this.#isAllowedByProfiles(endpoint, direction, packet);
  }

  #judgeTier(
    policies: readonly (NetworkPolicy | GlobalNetworkPolicy)[],
    direction: "ingress" | "egress",
    packet: Packet,
  ): "Allow" | "Deny" | "Pass" | undefined {
    for (const policy of policies) {
      for (const [i, rule] of (policy.spec[direction] ?? []).entries()) {
        if (!this.#matches(rule, packet, policy.kind === "NetworkPolicy" ? policy.metadata.namespace : undefined))
          continue;
        if (rule.action !== "Log") return rule.action;
        this.#logged.push(`tortie ${keyOf(policy)} ${direction}[${i}]: `);
      }
    }
    return undefined;
  }

  #compareTiers(a: string, b: string): number {
    const order = (name: string) =>
      this.#tiers.get(name)?.spec.order ?? (name === "default" ? 1000000 : Number.MAX_VALUE);
    return order(a) - order(b) || (a < b ? -1 : 1);
  }

  #isAllowedByProfiles(endpoint: WorkloadEndpoint, direction: "ingress" | "egress", packet: Packet): boolean {
    for (const name of endpoint.spec.profiles ?? []) {
      // A namespace's profile allows everything.
      if (name.startsWith("kns.") && this.#namespaces.has(name.slice(4))) return true;
      for (const [i, rule] of (this.#profiles.get(name)?.spec[direction] ?? []).entries()) {
        if (!this.#matches(rule, packet, undefined)) continue;
        if (rule.action === "Allow") return true;
        if (rule.action === "Deny") return false;
        if (rule.action === "Log") this.#logged.push(`tortie ${name} ${direction}[${i}]: `);
        if (rule.action === "Pass") break;
      }
    }
    return false;
  }

  #applies(policy: NetworkPolicy | GlobalNetworkPolicy, endpoint: WorkloadEndpoint): boolean {
    if (policy.kind === "NetworkPolicy" && policy.metadata.namespace !== endpoint.metadata.namespace) return false;
    if (policy.kind === "GlobalNetworkPolicy" && policy.spec.namespaceSelector !== undefined) {
      if (!this.#isInNamespaceOf(policy.spec.namespaceSelector, endpoint)) return false;
    }
    return holds(policy.spec.selector ?? "all()", this.#labelsOf(endpoint));
  }

  #matches(rule: Rule, packet: Packet, namespace: string | undefined): boolean {
    const version = addressVersion(packet.source);
    if (rule.ipVersion !== undefined && rule.ipVersion !== version) return false;
    if (rule.protocol !== undefined && protocolNumber(rule.protocol) !== packet.protocol) return false;
    if (rule.notProtocol !== undefined && protocolNumber(rule.notProtocol) === packet.protocol) return false;
    if (rule.icmp !== undefined && !isSuchIcmp(rule.icmp, packet)) return false;
    if (rule.notICMP !== undefined && isSuchIcmp(rule.notICMP, packet)) return false;
    return (
      this.#matchesEnd(rule.source ?? {}, rule, packet, packet.source, packet.ports?.[0], namespace) &&
      this.#matchesEnd(rule.destination ?? {}, rule, packet, packet.destination, packet.ports?.[1], namespace)
    );
  }

  #matchesEnd(
    entity: EntityRule,
    rule: Rule,
    packet: Packet,
    address: IpAddress,
    port: number | undefined,
    namespace: string | undefined,
  ): boolean {
    const version: IpVersion = addressVersion(address);
    if (entity.nets !== undefined && !entity.nets.some((net) => cidrContains(net, address))) return false;
    const notNets = entity.notNets?.filter((net) => cidrVersion(net) === version);
    if (notNets?.length === 0 || notNets?.some((net) => cidrLength(net) === 0)) return false;
    if (notNets?.some((net) => cidrContains(net, address))) return false;

    const isPositive =
      entity.selector !== undefined ||
      entity.namespaceSelector !== undefined ||
      entity.serviceAccounts !== undefined ||
      (namespace !== undefined && entity.notSelector !== undefined);
    const holders = this.#objects.filter((object) => hasAddress(object, address));
    const isSelected = holders.some((object) => this.#isSelected(entity, object, namespace, isPositive));
    const picked = (object: WorkloadEndpoint | NetworkSet | GlobalNetworkSet) =>
      entity.notSelector !== undefined && holds(entity.notSelector, this.#labelsOf(object));
    if (!isPositive && holders.some(picked)) return false;

    const isNamed = (name: string) =>
      holders.some(
        (object) =>
          object.kind === "WorkloadEndpoint" &&
          (!isPositive || this.#isSelected(entity, object, namespace, true)) &&
          object.spec.ports?.some(
            (known) =>
              known.name === name &&
              known.port === port &&
              protocolNumber(known.protocol) === packet.protocol &&
              (rule.protocol === undefined || protocolNumber(rule.protocol) === packet.protocol),
          ),
      );
    const isNumbered = (wanted: Port) => isNumber(wanted) && isPortIn(wanted, port);
    if (entity.notPorts?.some((wanted) => (isNumber(wanted) ? isNumbered(wanted) : isNamed(String(wanted)))))
      return false;
    if (entity.ports === undefined) return !isPositive || isSelected;
    return entity.ports.some((wanted) =>
      isNumber(wanted) ? isNumbered(wanted) && (!isPositive || isSelected) : isNamed(String(wanted)),
    );
  }

  #isSelected(
    entity: EntityRule,
    object: WorkloadEndpoint | NetworkSet | GlobalNetworkSet,
    namespace: string | undefined,
    isPositive: boolean,
  ): boolean {
    if (!isPositive) return false;
    if (entity.namespaceSelector !== undefined) {
      if (entity.namespaceSelector === "global()") {
        if (object.metadata.namespace !== undefined) return false;
      } else if (!this.#isInNamespaceOf(entity.namespaceSelector, object)) return false;
    } else if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
    const labels = this.#labelsOf(object);
    if (entity.selector !== undefined && !holds(entity.selector, labels)) return false;
    return entity.notSelector === undefined || !holds(entity.notSelector, labels);
  }

  /** By the labels of the object's namespace, as far as the object has it for a parent. */
  #isInNamespaceOf(selector: string, object: WorkloadEndpoint | NetworkSet | GlobalNetworkSet): boolean {
    const { namespace } = object.metadata;
    if (selector === "all()") return namespace !== undefined;
    const isChild = object.kind !== "WorkloadEndpoint" || object.spec.profiles?.includes(`kns.${namespace}`) === true;
    const parent = isChild && namespace !== undefined ? this.#namespaces.get(namespace) : undefined;
    if (parent === undefined) return holds(selector, {});
    return holds(selector, { ...parent.metadata.labels, "projectcalico.org/name": parent.metadata.name });
  }

  #labelsOf(object: WorkloadEndpoint | NetworkSet | GlobalNetworkSet): Record<string, string> {
    const inherited: Record<string, string> = {};
    if (object.kind === "WorkloadEndpoint") {
      for (const name of (object.spec.profiles ?? []).toReversed()) {
        Object.assign(inherited, this.#profiles.get(name)?.spec.labelsToApply);
      }
    }
    return { ...inherited, ...object.metadata.labels };
  }
}

function isGoingOn({ state }: Packet): boolean {
  return state === "established" || state === "related";
}

function compare(a: NetworkPolicy | GlobalNetworkPolicy, b: NetworkPolicy | GlobalNetworkPolicy): number {
  const order = (p: typeof a) => p.spec.order ?? Number.MAX_VALUE;
  const text = (p: typeof a) => `${p.metadata.name}/${p.metadata.namespace ?? ""}/${p.kind}`;
  return order(a) - order(b) || (text(a) < text(b) ? -1 : 1);
}

function hasAddress(object: WorkloadEndpoint | NetworkSet | GlobalNetworkSet, address: IpAddress): boolean {
  const nets = object.kind === "WorkloadEndpoint" ? object.spec.ipNetworks : object.spec.nets;
  return nets?.some((net) => cidrContains(net, address)) === true;
}

function isSuchIcmp({ type, code }: IcmpMatch, packet: Packet): boolean {
  if (packet.protocol !== (addressVersion(packet.source) === 4 ? 1 : 58)) return false;
  return (type ?? packet.icmp?.type) === packet.icmp?.type && (code ?? packet.icmp?.code) === packet.icmp?.code;
}

function isNumber(port: Port): boolean {
  return typeof port === "number" || port.includes(":");
}

function isPortIn(wanted: Port, port: number | undefined): boolean {
  const [first, last] = String(wanted).split(":").map(Number);
  return port !== undefined && port >= first! && port <= (last ?? first!);
}

function holds(selector: string, labels: Record<string, string>): boolean {
  const parsed = parseSelector(selector);
  if (!parsed.ok) throw new Error(`${selector} does not parse`);
  return evaluateSelector(parsed.value, labels);
}
