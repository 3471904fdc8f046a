import { type Cidr, type IpAddress, addressToCidr, cidrContains } from "../../src/lib/index.ts";
import {
  type GlobalNetworkSet,
  type HostEndpoint,
  type NetworkSet,
  type Profile,
  type Protocol,
  type Resource,
  type WorkloadEndpoint,
  protocolNumber,
} from "../../src/resources/index.ts";
import { type SelectorNode, parseSelector } from "../../src/selector/index.ts";

/** What selectors select: workloads, interfaces of hosts, sets of nets. */
export type LabelledObject = WorkloadEndpoint | HostEndpoint | NetworkSet | GlobalNetworkSet;

export type Labels = ReadonlyMap<string, string>;

const namespaceLabel = "projectcalico.org/namespace";
const serviceAccountLabel = "projectcalico.org/serviceaccount";
const orchestratorLabel = "projectcalico.org/orchestrator";
const nameLabel = "projectcalico.org/name";

/** All objects of a cluster with the labels they have in the eyes of a selector, found by address. */
export class LabelledObjects {
  readonly all: readonly LabelledObject[];
  readonly #profileLabels = new Map<string, Labels>();
  readonly #labels = new Map<LabelledObject, Labels>();
  readonly #holders = new Map<IpAddress, readonly LabelledObject[]>();

  constructor(resources: readonly Resource[], profiles: ReadonlyMap<string, Profile>) {
    this.all = resources.filter(
      (resource) =>
        resource.kind === "WorkloadEndpoint" ||
        resource.kind === "HostEndpoint" ||
        resource.kind === "NetworkSet" ||
        resource.kind === "GlobalNetworkSet",
    );
    for (const [name, { spec }] of profiles)
      this.#profileLabels.set(name, new Map(Object.entries(spec.labelsToApply ?? {})));
    for (const resource of resources) {
      const { name, labels = {} } = resource.metadata;
      if (resource.kind === "Namespace") this.#profileLabels.set(`kns.${name}`, prefixed("pcns.", name, labels));
      if (resource.kind === "ServiceAccount") {
        const { namespace } = resource.metadata;
        this.#profileLabels.set(`ksa.${namespace}.${name}`, prefixed("pcsa.", name, labels));
      }
    }
    for (const object of this.all) this.#labels.set(object, this.#effectiveLabels(object));
  }

  /** Own labels, those of the system, and what is inherited: of several profiles that give a label the first. */
  labelsOf(object: LabelledObject): Labels {
    return this.#labels.get(object) ?? new Map();
  }

  /** Everybody and every set that has the address. */
  holdersOf(address: IpAddress): readonly LabelledObject[] {
    const known = this.#holders.get(address);
    if (known !== undefined) return known;
    const found = this.all.filter((object) => netsOf(object).some((net) => cidrContains(net, address)));
    this.#holders.set(address, found);
    return found;
  }

  #effectiveLabels(object: LabelledObject): Labels {
    const effective = new Map<string, string>();
    for (const name of parentsOf(object).toReversed()) {
      for (const [label, value] of this.#profileLabels.get(name) ?? []) effective.set(label, value);
    }
    // What only the system gives cannot be had by writing it.
    for (const [label, value] of Object.entries(object.metadata.labels ?? {})) {
      const isReserved = label.startsWith("pcns.") || label.startsWith("pcsa.");
      if (!isReserved && label !== namespaceLabel && label !== serviceAccountLabel) effective.set(label, value);
    }
    if (object.kind === "WorkloadEndpoint" || object.kind === "NetworkSet") {
      effective.set(namespaceLabel, object.metadata.namespace ?? "");
    }
    if (object.kind === "WorkloadEndpoint") {
      const { orchestrator, serviceAccountName } = object.spec;
      if (orchestrator !== undefined) effective.set(orchestratorLabel, orchestrator);
      if (serviceAccountName !== undefined) effective.set(serviceAccountLabel, serviceAccountName);
    }
    return effective;
  }
}

function prefixed(prefix: string, name: string, labels: Readonly<Record<string, string>>): Labels {
  const own = Object.entries(labels).map(([label, value]) => [prefix + label, value] as const);
  return new Map([...own, [prefix + nameLabel, name]]);
}

/** In the order in which labels are looked for. A set of nets in a namespace has that namespace's labels. */
function parentsOf(object: LabelledObject): readonly string[] {
  if (object.kind === "NetworkSet") return [`kns.${object.metadata.namespace}`];
  return object.kind === "GlobalNetworkSet" ? [] : (object.spec.profiles ?? []);
}

function netsOf(object: LabelledObject): readonly Cidr[] {
  if (object.kind === "WorkloadEndpoint") return object.spec.ipNetworks ?? [];
  if (object.kind === "HostEndpoint") return (object.spec.expectedIPs ?? []).map(addressToCidr);
  return object.spec.nets ?? [];
}

/** Whether the object has a port of that name with this number; sets of nets have no ports. */
export function offersPort(object: LabelledObject, name: string, protocol: number, port: number | undefined): boolean {
  if (object.kind !== "WorkloadEndpoint" && object.kind !== "HostEndpoint") return false;
  const isOffer = (offer: { readonly name?: string; readonly protocol: Protocol; readonly port: number }) =>
    offer.name === name && offer.port === port && protocolNumber(offer.protocol) === protocol;
  return object.spec.ports?.some(isOffer) === true;
}

export function isInNamespace(labels: Labels): boolean {
  return labels.has(namespaceLabel);
}

export function namespaceOf(labels: Labels): string | undefined {
  return labels.get(namespaceLabel);
}

export function serviceAccountOf(labels: Labels): string | undefined {
  return labels.get(serviceAccountLabel);
}

export function orchestratorOf(labels: Labels): string | undefined {
  return labels.get(orchestratorLabel);
}

/** A selector over an object's own labels. */
export function selects(selector: string, labels: Labels): boolean {
  return holds(parse(selector), (label) => labels.get(label), { all: true, global: true });
}

/** A selector over the labels of the object's namespace: `all()` is any namespace, `global()` none. */
export function selectsNamespace(selector: string, labels: Labels): boolean {
  const isThere = isInNamespace(labels);
  return holds(parse(selector), (label) => labels.get(`pcns.${label}`), { all: isThere, global: !isThere });
}

/** A selector over the labels of the object's service account. */
export function selectsServiceAccount(selector: string, labels: Labels, all: boolean): boolean {
  return holds(parse(selector), (label) => labels.get(`pcsa.${label}`), { all, global: true });
}

const parsed = new Map<string, SelectorNode>();

function parse(selector: string): SelectorNode {
  const known = parsed.get(selector);
  if (known !== undefined) return known;
  const result = parseSelector(selector);
  if (!result.ok) throw new Error(`${selector} does not parse`);
  parsed.set(selector, result.value.root);
  return result.value.root;
}

type Find = (label: string) => string | undefined;

function holds(node: SelectorNode, find: Find, words: { readonly all: boolean; readonly global: boolean }): boolean {
  switch (node.type) {
    case "all":
    case "global":
      return words[node.type];
    case "has":
      return find(node.label) !== undefined;
    case "equals":
      return find(node.label) === node.value;
    case "notEquals":
      return find(node.label) !== node.value;
    case "contains":
      return find(node.label)?.includes(node.value) === true;
    case "startsWith":
      return find(node.label)?.startsWith(node.value) === true;
    case "endsWith":
      return find(node.label)?.endsWith(node.value) === true;
    case "in":
      return node.values.some((value) => value === find(node.label));
    case "notIn":
      return node.values.every((value) => value !== find(node.label));
    case "not":
      return !holds(node.operand, find, words);
    case "and":
      return node.operands.every((operand) => holds(operand, find, words));
    case "or":
      return node.operands.some((operand) => holds(operand, find, words));
  }
}
