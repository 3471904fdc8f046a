import {
  type Cidr,
  type IpAddress,
  type IpVersion,
  addressVersion,
  cidrContains,
  cidrLength,
  cidrVersion,
} from "../../src/lib/index.ts";
import {
  type EntityRule,
  type IcmpMatch,
  type Port,
  type Rule,
  type RuleAction,
  protocolNumber,
} from "../../src/resources/index.ts";
import {
  type LabelledObject,
  type LabelledObjects,
  namespaceOf,
  offersPort,
  selects,
  selectsNamespace,
  selectsServiceAccount,
  serviceAccountOf,
} from "./labelled-objects.ts";

/** A packet on its way through the host, with what the kernel knows about it. */
export type JudgedPacket = {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: number;
  /** Source and destination. */
  readonly ports?: readonly [number, number];
  readonly icmp?: { readonly type: number; readonly code: number };
  readonly state: "new" | "established" | "related" | "invalid" | "untracked";
  /** Undefined: the host sends it. */
  readonly inputName?: string;
  /** Undefined: it is for the host. */
  readonly outputName?: string;
  /** The way back to its source leads to where it came in. */
  readonly isSourceReal: boolean;
};

/** A rule of a policy or profile, asked packet by packet. */
export type JudgedRule = {
  readonly action: RuleAction;
  readonly matches: (packet: JudgedPacket) => boolean;
};

/** `namespace`: of the policy; undefined for global ones and profiles. */
export function readRule(rule: Rule, namespace: string | undefined, objects: LabelledObjects): JudgedRule {
  const source = new Entity(rule.source ?? {}, rule, namespace, objects);
  const destination = new Entity(rule.destination ?? {}, rule, namespace, objects);
  // Nobody knows who serves: what would open matches nothing, and what closes does so whoever it is.
  const isService = (rule.source?.services ?? rule.destination?.services) !== undefined;
  const isHopeless = isService && rule.action !== "Deny";
  return {
    action: rule.action,
    matches: (packet) =>
      !isHopeless &&
      matchesHeaders(rule, packet) &&
      source.matches(packet, packet.source, packet.ports?.[0]) &&
      destination.matches(packet, packet.destination, packet.ports?.[1]),
  };
}

function matchesHeaders(rule: Rule, packet: JudgedPacket): boolean {
  const { ipVersion, protocol, notProtocol, icmp, notICMP } = rule;
  if (ipVersion !== undefined && ipVersion !== addressVersion(packet.source)) return false;
  if (protocol !== undefined && protocolNumber(protocol) !== packet.protocol) return false;
  if (notProtocol !== undefined && protocolNumber(notProtocol) === packet.protocol) return false;
  if (icmp !== undefined && !isSuchIcmp(icmp, packet)) return false;
  return notICMP === undefined || !isSuchIcmp(notICMP, packet);
}

/** ICMP in IPv4 or ICMPv6 in IPv6; type and code are one match together. */
function isSuchIcmp({ type, code }: IcmpMatch, { protocol, icmp, source }: JudgedPacket): boolean {
  if (protocol !== (addressVersion(source) === 4 ? 1 : 58)) return false;
  return (type ?? icmp?.type) === icmp?.type && (code ?? icmp?.code) === icmp?.code;
}

/** One end of a rule. */
class Entity {
  readonly #rule: EntityRule;
  readonly #objects: LabelledObjects;
  readonly #namespace: string | undefined;
  readonly #protocol: number | undefined;
  /** Those that the selectors pick; undefined: the entity has no positive selector. */
  readonly #picked: ReadonlySet<LabelledObject> | undefined;
  /** Those whose addresses are out. */
  readonly #excluded: ReadonlySet<LabelledObject>;

  constructor(entity: EntityRule, rule: Rule, namespace: string | undefined, objects: LabelledObjects) {
    this.#rule = entity;
    this.#objects = objects;
    this.#namespace = namespace;
    this.#protocol = rule.protocol === undefined ? undefined : protocolNumber(rule.protocol);
    const { selector, notSelector, namespaceSelector, serviceAccounts } = entity;
    const hasAccounts = serviceAccounts?.selector !== undefined || (serviceAccounts?.names ?? []).length > 0;
    const isPositive =
      selector !== undefined ||
      namespaceSelector !== undefined ||
      hasAccounts ||
      (namespace !== undefined && notSelector !== undefined);
    const excludes = (object: LabelledObject) =>
      notSelector !== undefined && selects(notSelector, objects.labelsOf(object));
    this.#picked = isPositive
      ? new Set(objects.all.filter((object) => this.#isMeant(object) && !excludes(object)))
      : undefined;
    this.#excluded = new Set(isPositive ? [] : objects.all.filter(excludes));
  }

  matches(packet: JudgedPacket, address: IpAddress, port: number | undefined): boolean {
    if (!isWithin(this.#rule, address)) return false;
    const holders = this.#objects.holdersOf(address);
    if (holders.some((holder) => this.#excluded.has(holder))) return false;
    const picked = this.#picked;
    const isPicked = picked === undefined || holders.some((holder) => picked.has(holder));
    const isNamed = (name: string) =>
      (this.#protocol ?? packet.protocol) === packet.protocol &&
      holders.some((holder) => picked?.has(holder) !== false && offersPort(holder, name, packet.protocol, port));
    const { ports, notPorts } = this.#rule;
    if (notPorts?.some((wanted) => (isName(wanted) ? isNamed(wanted) : isInRange(wanted, port)))) return false;
    if (ports === undefined) return isPicked;
    return ports.some((wanted) => (isName(wanted) ? isNamed(wanted) : isPicked && isInRange(wanted, port)));
  }

  /** By namespace, service account and labels. */
  #isMeant(object: LabelledObject): boolean {
    const { selector, namespaceSelector, serviceAccounts } = this.#rule;
    const labels = this.#objects.labelsOf(object);
    if (namespaceSelector !== undefined) {
      if (!selectsNamespace(namespaceSelector, labels)) return false;
    } else if (this.#namespace !== undefined && namespaceOf(labels) !== this.#namespace) return false;
    const { names = [], selector: accountSelector } = serviceAccounts ?? {};
    if (accountSelector !== undefined && !selectsServiceAccount(accountSelector, labels, true)) return false;
    if (names.length > 0 && !names.some((name) => name === serviceAccountOf(labels))) return false;
    return selector === undefined || selects(selector, labels);
  }
}

/** A list that has nothing for the packet's IP version rules it out, be it one of exceptions. */
function isWithin({ nets, notNets }: EntityRule, address: IpAddress): boolean {
  const version = addressVersion(address);
  if (nets !== undefined && !nets.some((net) => cidrContains(net, address))) return false;
  if (notNets === undefined) return true;
  const own = ofVersion(notNets, version);
  return own.length > 0 && !own.some((net) => cidrLength(net) === 0 || cidrContains(net, address));
}

function ofVersion(nets: readonly Cidr[], version: IpVersion): readonly Cidr[] {
  return nets.filter((net) => cidrVersion(net) === version);
}

function isName(port: Port): port is string {
  return typeof port === "string" && !port.includes(":");
}

function isInRange(wanted: Port, port: number | undefined): boolean {
  const [first, last] = String(wanted).split(":").map(Number);
  return port !== undefined && first !== undefined && port >= first && port <= (last ?? first);
}
