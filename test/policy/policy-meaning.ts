import type {
  GlobalNetworkPolicy,
  KubernetesClusterNetworkPolicy,
  KubernetesNetworkPolicy,
  NetworkPolicy,
  Profile,
  Resource,
  Rule,
  Tier,
} from "../../src/resources/index.ts";
import { KubernetesMeaning } from "./kubernetes-meaning.ts";
import {
  type LabelledObject,
  type LabelledObjects,
  namespaceOf,
  selects,
  selectsNamespace,
  selectsServiceAccount,
  serviceAccountOf,
} from "./labelled-objects.ts";
import { type JudgedRule, readRule } from "./rule-meaning.ts";

export type Direction = "ingress" | "egress";
export const directions = ["ingress", "egress"] as const;

/** Where a policy has its say about an interface of the host. */
export type Place = "normal" | "forward" | "untracked" | "preDnat";

/** A policy in force, whoever's it is. */
export type JudgedPolicy = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly tier: string;
  readonly order: number;
  readonly captures: Readonly<Record<Direction, boolean>>;
  readonly rules: Readonly<Record<Direction, readonly JudgedRule[]>>;
  readonly places: ReadonlySet<Place>;
  readonly appliesTo: (object: LabelledObject) => boolean;
};

export type JudgedTier = { readonly name: string; readonly order: number; readonly defaultAction: "Deny" | "Pass" };

/** Those that are enforced; staged ones are not here. */
export function readPolicies(resources: readonly Resource[], objects: LabelledObjects): JudgedPolicy[] {
  const kubernetes = new KubernetesMeaning(objects);
  return resources.flatMap((resource): JudgedPolicy[] => {
    switch (resource.kind) {
      case "NetworkPolicy":
      case "GlobalNetworkPolicy":
        return [readPolicy(resource, objects)];
      case "KubernetesNetworkPolicy":
        return [readKubernetesPolicy(resource, kubernetes)];
      case "KubernetesClusterNetworkPolicy":
        return readClusterPolicy(resource, kubernetes);
      default:
        return [];
    }
  });
}

function readPolicy(policy: NetworkPolicy | GlobalNetworkPolicy, objects: LabelledObjects): JudgedPolicy {
  const { kind, metadata, spec } = policy;
  const namespace = kind === "NetworkPolicy" ? metadata.namespace : undefined;
  const rulesOf = (rules: readonly Rule[] = []) => rules.map((rule) => readRule(rule, namespace, objects));
  return {
    kind,
    namespace: namespace ?? "",
    name: metadata.name,
    tier: spec.tier,
    order: spec.order ?? Number.POSITIVE_INFINITY,
    captures: { ingress: spec.types.includes("Ingress"), egress: spec.types.includes("Egress") },
    rules: { ingress: rulesOf(spec.ingress), egress: rulesOf(spec.egress) },
    places: placesOf(policy),
    appliesTo: (object) => isSubject(policy, object, objects),
  };
}

function placesOf(policy: NetworkPolicy | GlobalNetworkPolicy): ReadonlySet<Place> {
  if (policy.kind === "NetworkPolicy") return new Set(["normal"]);
  const { doNotTrack, preDNAT, applyOnForward } = policy.spec;
  const places = new Set<Place>([doNotTrack === true ? "untracked" : preDNAT === true ? "preDnat" : "normal"]);
  if (applyOnForward === true) places.add("forward");
  return places;
}

function isSubject(
  policy: NetworkPolicy | GlobalNetworkPolicy,
  object: LabelledObject,
  objects: LabelledObjects,
): boolean {
  const labels = objects.labelsOf(object);
  const { selector, serviceAccountSelector } = policy.spec;
  if (policy.kind === "NetworkPolicy") {
    // An interface of a host is in no namespace.
    if (namespaceOf(labels) !== policy.metadata.namespace) return false;
    if (serviceAccountSelector !== undefined && !selectsServiceAccount(serviceAccountSelector, labels, true))
      return false;
  } else {
    const { namespaceSelector } = policy.spec;
    if (namespaceSelector !== undefined && !selectsNamespace(namespaceSelector, labels)) return false;
    const hasAccount = serviceAccountOf(labels) !== undefined;
    if (serviceAccountSelector !== undefined && !selectsServiceAccount(serviceAccountSelector, labels, hasAccount))
      return false;
  }
  return selector === undefined || selects(selector, labels);
}

function readKubernetesPolicy(policy: KubernetesNetworkPolicy, kubernetes: KubernetesMeaning): JudgedPolicy {
  const { kind, metadata, spec } = policy;
  const types = spec.policyTypes ?? ["Ingress"];
  return {
    kind,
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    tier: "default",
    order: 1000,
    captures: { ingress: types.includes("Ingress"), egress: types.includes("Egress") },
    rules: {
      ingress: kubernetes.networkPolicyRules(policy, "ingress"),
      egress: kubernetes.networkPolicyRules(policy, "egress"),
    },
    places: new Set(["normal"]),
    appliesTo: kubernetes.isolates(policy),
  };
}

function readClusterPolicy(policy: KubernetesClusterNetworkPolicy, kubernetes: KubernetesMeaning): JudgedPolicy[] {
  const { kind, metadata, spec } = policy;
  const tier = new Map([
    ["Admin", "kube-admin"],
    ["Baseline", "kube-baseline"],
  ]).get(spec.tier ?? "");
  const appliesTo = kubernetes.subject(policy);
  if (tier === undefined || appliesTo === undefined) return [];
  const rules = {
    ingress: kubernetes.clusterPolicyRules(policy, "ingress"),
    egress: kubernetes.clusterPolicyRules(policy, "egress"),
  };
  const captures = { ingress: rules.ingress.length > 0, egress: rules.egress.length > 0 };
  const order = spec.priority ?? 0;
  return [
    { kind, namespace: "", name: metadata.name, tier, order, captures, rules, places: new Set(["normal"]), appliesTo },
  ];
}

/** By order, then by name, namespace and kind as one text. */
export function comparePolicies(a: JudgedPolicy, b: JudgedPolicy): number {
  if (a.order !== b.order) return a.order < b.order ? -1 : 1;
  const text = ({ name, namespace, kind }: JudgedPolicy) => `${name}/${namespace}/${kind}`;
  return text(a) < text(b) ? -1 : 1;
}

/** Known tiers; the built-in ones are there without being written. */
export function readTiers(resources: readonly Resource[]): ReadonlyMap<string, JudgedTier> {
  const tiers: JudgedTier[] = resources
    .filter((resource): resource is Tier => resource.kind === "Tier")
    .map(({ metadata, spec }) => ({ name: metadata.name, order: spec.order, defaultAction: spec.defaultAction }));
  const builtIn: JudgedTier[] = [
    { name: "kube-admin", order: 1000, defaultAction: "Pass" },
    { name: "default", order: 1_000_000, defaultAction: "Deny" },
    { name: "kube-baseline", order: 10_000_000, defaultAction: "Pass" },
  ];
  return new Map([...tiers, ...builtIn].map((tier) => [tier.name, tier]));
}

/** Tiers that exist by order and name, then those that are only named, which deny. */
export function sortTiers(names: Iterable<string>, known: ReadonlyMap<string, JudgedTier>): JudgedTier[] {
  const tierOf = (name: string): JudgedTier =>
    known.get(name) ?? { name, order: Number.POSITIVE_INFINITY, defaultAction: "Deny" };
  return [...new Set(names)]
    .map(tierOf)
    .sort((a, b) => (a.order === b.order ? (a.name < b.name ? -1 : 1) : a.order < b.order ? -1 : 1));
}

/** Profiles that somebody wrote, by name; what Namespaces stand for comes before them. */
export function readProfiles(resources: readonly Resource[]): ReadonlyMap<string, Profile> {
  const written = resources.filter((resource): resource is Profile => resource.kind === "Profile");
  return new Map(written.map((profile) => [profile.metadata.name, profile]));
}

export type ProfileRules = Readonly<Record<Direction, readonly JudgedRule[]>>;

const everything: JudgedRule[] = [{ action: "Allow", matches: () => true }];

/** The rules of every profile there is. A namespace's allows everything, a service account's says nothing. */
export function readProfileRules(
  resources: readonly Resource[],
  objects: LabelledObjects,
): ReadonlyMap<string, ProfileRules> {
  const rules = new Map<string, ProfileRules>();
  for (const [name, { spec }] of readProfiles(resources)) {
    const read = (list: readonly Rule[] = []) => list.map((rule) => readRule(rule, undefined, objects));
    rules.set(name, { ingress: read(spec.ingress), egress: read(spec.egress) });
  }
  for (const { kind, metadata } of resources) {
    if (kind === "Namespace") rules.set(`kns.${metadata.name}`, { ingress: everything, egress: everything });
    if (kind === "ServiceAccount") {
      rules.set(`ksa.${metadata.namespace}.${metadata.name}`, { ingress: [], egress: [] });
    }
  }
  rules.set("projectcalico-default-allow", { ingress: everything, egress: everything });
  return rules;
}
