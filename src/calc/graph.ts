import type { Result } from "../lib/index.ts";
import {
  type Kind,
  type Resource,
  type ResourceOf,
  convertClusterNetworkPolicy,
  convertNetworkPolicy,
  isKind,
} from "../resources/index.ts";
import { ActiveRules, UsedSets } from "./active-rules.ts";
import { endpointItem, hostEndpointItem, hostInterfaces, networkSetItem, workloads } from "./endpoints.ts";
import { LocalEndpoints, type UseListener } from "./local-endpoints.ts";
import { MemberSets } from "./member-sets.ts";
import type { CalcMessage } from "./messages.ts";
import type { PolicyResource } from "./policy.ts";
import { Profiles } from "./profiles.ts";
import { Routing } from "./routing.ts";
import { Sequencer } from "./sequencer.ts";
import { Settings } from "./settings.ts";
import { Tiers } from "./tiers.ts";
import { UseCount } from "./use-count.ts";

/**
 * All resources of the cluster in, what this host has to know out. What comes out depends on the present resources
 * alone, not on the order in which they came. A resource that is invalid is given as undefined: it is absent.
 *
 * ```
 *  NetworkSet, HostEndpoint ───────────────────────────────────────┐ items
 *  GlobalNetworkSet ───────────────────────────────────────────────┤
 *  WorkloadEndpoint ──┬────────────────────────────────────────────┤
 *                     │ own ones                                   v
 *                     v                 in use?   ┌─────────┐   MemberSets ──> sets ──┐
 *  NetworkPolicy ──> LocalEndpoints ────────────> │ Active  │      ^                  │
 *  GlobalNetwork- ─┘  ^   │   (label index of     │ Rules   ├──────┘ sets in use      │
 *  Policy ────────────│───│── policies' subjects) │ (twice) ├──> policies, profiles ──┤
 *                     │   └──> endpoints with ────└─────────┘                         v
 *  Namespace ┐        │        their tiers ────────────^──────────────────────> Sequencer ──> messages
 *  ServiceAcc┤        │
 *  Profile ──┴─> Profiles ── labels to inherit, rules ─┘ (labels: to MemberSets too)  ^
 *                                                                                     │
 *  Node, BGPPeer, BGPConfiguration, BGPFilter, ──> Routing ── bgp, adverts ───────────┘
 *  Secret, IPPool, BlockAffinity, own workloads ─────┘
 * ```
 *
 * There are two LocalEndpoints: workloads, and interfaces of the host. Tiers go to both; the policies of Kubernetes are converted and then treated as ours, under their own keys.
 * Staged policies decide nothing and are passed over.
 *
 * Label indexes are updated as resources come; rules, tiers, sessions are worked out at `flush`, once for all changes.
 */
export class CalcGraph {
  readonly #node: string;
  readonly #members = new MemberSets();
  readonly #usedSets = new UsedSets(this.#members);
  readonly #policies = new ActiveRules(this.#usedSets);
  readonly #profileRules = new ActiveRules(this.#usedSets);
  readonly #tiers = new Tiers();
  readonly #policyUse = new UseCount((id, isUsed) => this.#policies.setUsed(id, isUsed));
  readonly #profileUse = new UseCount((id, isUsed) => this.#profileRules.setUsed(id, isUsed));
  readonly #uses: UseListener = {
    onPolicyUse: (id, isUsed) => this.#policyUse.count(id, isUsed),
    onProfileUse: (id, isUsed) => this.#profileUse.count(id, isUsed),
  };
  readonly #local = new LocalEndpoints(workloads, this.#tiers, this.#uses);
  readonly #hosts = new LocalEndpoints(hostInterfaces, this.#tiers, this.#uses);
  readonly #settings: Settings;
  readonly #profiles = new Profiles((name, profile) => {
    this.#profileRules.setSource(name, profile);
    this.#local.setParent(name, profile?.spec.labelsToApply);
    this.#hosts.setParent(name, profile?.spec.labelsToApply);
    this.#members.setParent(name, profile?.spec.labelsToApply);
  });
  readonly #routing: Routing;
  readonly #sequencer = new Sequencer();
  #isSynced = false;

  constructor(options: { readonly node: string }) {
    this.#node = options.node;
    this.#routing = new Routing(options.node);
    this.#settings = new Settings(options.node);
  }

  /** `key` as by resourceKey; undefined when the object is gone or invalid. Keys of kinds of no concern are passed over. */
  onResource(key: string, resource: Resource | undefined): void {
    const [kind = "", namespace = "", name = ""] = key.split("/");
    if (isHandled(kind)) this.#handlers[kind]({ key, namespace, name }, resource);
  }

  /** Every kind has been listed once: from now on `flush` speaks. */
  onSynced(): void {
    this.#isSynced = true;
  }

  /** What has changed since the last time. Nothing before the first sync, as half a state would close and open at random. */
  flush(): CalcMessage[] {
    if (!this.#isSynced) return [];
    for (const [id, policy] of this.#policies.takeChanged()) {
      this.#sequencer.put("policy", id, policy === undefined ? undefined : { type: "policyUpdate", policy });
    }
    for (const [id, profile] of this.#profileRules.takeChanged()) {
      this.#sequencer.put("profile", id, profile === undefined ? undefined : { type: "profileUpdate", profile });
    }
    this.#usedSets.settle();
    for (const [id, endpoint] of this.#local.takeChanged()) {
      this.#sequencer.put("endpoint", id, endpoint === undefined ? undefined : { type: "endpointUpdate", endpoint });
    }
    for (const [id, endpoint] of this.#hosts.takeChanged()) {
      const message = endpoint === undefined ? undefined : ({ type: "hostEndpointUpdate", endpoint } as const);
      this.#sequencer.put("hostEndpoint", id, message);
    }
    const settings = this.#settings.take();
    if (settings !== undefined) this.#sequencer.put("settings", "", { type: "settingsUpdate", ...settings });
    const nat = this.#routing.takeNat();
    if (nat !== undefined) this.#sequencer.put("nat", "", { type: "natUpdate", ...nat });
    const adverts = this.#routing.takeAdverts();
    if (adverts !== undefined) this.#sequencer.put("advert", "", { type: "advertUpdate", ...adverts });
    const bgp = this.#routing.takeBgp();
    if (bgp !== undefined) this.#sequencer.put("bgp", "", { type: "bgpUpdate", ...bgp });
    return this.#sequencer.flush(this.#members.flush());
  }

  readonly #handlers: Readonly<Record<HandledKind, (id: ObjectId, resource?: Resource) => void>> = {
    WorkloadEndpoint: ({ key }, resource) => this.#onEndpoint(key, only(resource, "WorkloadEndpoint")),
    HostEndpoint: ({ key }, resource) => this.#onHostEndpoint(key, only(resource, "HostEndpoint")),
    NetworkSet: ({ key }, resource) => this.#onNetworkSet(key, only(resource, "NetworkSet")),
    GlobalNetworkSet: ({ key }, resource) => this.#onNetworkSet(key, only(resource, "GlobalNetworkSet")),
    NetworkPolicy: ({ key }, resource) => this.#onPolicy(key, only(resource, "NetworkPolicy")),
    GlobalNetworkPolicy: ({ key }, resource) => this.#onPolicy(key, only(resource, "GlobalNetworkPolicy")),
    KubernetesNetworkPolicy: ({ key }, resource) =>
      this.#onPolicy(key, convert(only(resource, "KubernetesNetworkPolicy"), convertNetworkPolicy)),
    KubernetesClusterNetworkPolicy: ({ key }, resource) =>
      this.#onPolicy(key, convert(only(resource, "KubernetesClusterNetworkPolicy"), convertClusterNetworkPolicy)),
    Tier: ({ name }, resource) => this.#onTier(name, only(resource, "Tier")),
    FelixConfiguration: ({ name }, resource) =>
      this.#settings.setConfiguration(name, only(resource, "FelixConfiguration")),
    Namespace: ({ name }, resource) => this.#profiles.setNamespace(name, only(resource, "Namespace")),
    ServiceAccount: ({ namespace, name }, resource) =>
      this.#profiles.setServiceAccount(namespace, name, only(resource, "ServiceAccount")),
    Profile: ({ name }, resource) => this.#profiles.setProfile(name, only(resource, "Profile")),
    Node: ({ name }, resource) => this.#onNode(name, only(resource, "Node")),
    BGPPeer: ({ name }, resource) => this.#routing.setPeer(name, only(resource, "BGPPeer")),
    BGPConfiguration: ({ name }, resource) => this.#routing.setConfiguration(name, only(resource, "BGPConfiguration")),
    BGPFilter: ({ name }, resource) => this.#routing.setFilter(name, only(resource, "BGPFilter")),
    Secret: ({ key }, resource) => this.#routing.setSecret(key, only(resource, "Secret")),
    IPPool: ({ name }, resource) => this.#routing.setPool(name, only(resource, "IPPool")),
    BlockAffinity: ({ name }, resource) => this.#routing.setAffinity(name, only(resource, "BlockAffinity")),
  };

  #onEndpoint(key: string, endpoint: ResourceOf<"WorkloadEndpoint"> | undefined): void {
    if (endpoint === undefined) this.#members.deleteItem(key);
    else this.#members.setItem(key, endpointItem(endpoint));
    const own = endpoint?.spec.node === this.#node ? endpoint : undefined;
    if (own === undefined) this.#local.deleteEndpoint(key);
    else this.#local.setEndpoint(own);
    this.#routing.setWorkload(key, own);
  }

  #onHostEndpoint(key: string, endpoint: ResourceOf<"HostEndpoint"> | undefined): void {
    if (endpoint === undefined) this.#members.deleteItem(key);
    else this.#members.setItem(key, hostEndpointItem(endpoint));
    if (endpoint?.spec.node === this.#node) this.#hosts.setEndpoint(endpoint);
    else this.#hosts.deleteEndpoint(key);
  }

  #onTier(name: string, tier: ResourceOf<"Tier"> | undefined): void {
    this.#tiers.set(name, tier?.spec);
    this.#local.tiersChanged();
    this.#hosts.tiersChanged();
  }

  #onNode(name: string, node: ResourceOf<"Node"> | undefined): void {
    this.#routing.setNode(name, node);
    if (name === this.#node) this.#settings.setNodeLabels(node?.metadata.labels ?? {});
  }

  #onNetworkSet(key: string, set: ResourceOf<"NetworkSet" | "GlobalNetworkSet"> | undefined): void {
    if (set === undefined) this.#members.deleteItem(key);
    else this.#members.setItem(key, networkSetItem(set));
  }

  #onPolicy(key: string, policy: PolicyResource | undefined): void {
    this.#policies.setSource(key, policy);
    for (const endpoints of [this.#local, this.#hosts]) {
      if (policy === undefined) endpoints.deletePolicy(key);
      else endpoints.setPolicy(key, policy);
    }
  }
}

/** Kinds that a host's work depends on; the others concern IPAM alone. */
const handledKinds = [
  "WorkloadEndpoint",
  "HostEndpoint",
  "NetworkSet",
  "GlobalNetworkSet",
  "NetworkPolicy",
  "GlobalNetworkPolicy",
  "KubernetesNetworkPolicy",
  "KubernetesClusterNetworkPolicy",
  "Tier",
  "FelixConfiguration",
  "Namespace",
  "ServiceAccount",
  "Profile",
  "Node",
  "BGPPeer",
  "BGPConfiguration",
  "BGPFilter",
  "Secret",
  "IPPool",
  "BlockAffinity",
] as const satisfies readonly Kind[];

type ObjectId = { readonly key: string; readonly namespace: string; readonly name: string };

type HandledKind = (typeof handledKinds)[number];

function isHandled(kind: string): kind is HandledKind {
  return handledKinds.some((handled) => handled === kind);
}

/** Undefined for a policy that nothing can be made of. */
function convert<P extends Resource>(
  policy: P | undefined,
  by: (policy: P) => Result<PolicyResource | undefined>,
): PolicyResource | undefined {
  if (policy === undefined) return undefined;
  // The uid plays no part here: an odd one is no reason to do without the policy.
  const { uid: _, ...metadata } = policy.metadata;
  const converted = by({ ...policy, metadata });
  return converted.ok ? converted.value : undefined;
}

function only<K extends Kind>(resource: Resource | undefined, kind: K): ResourceOf<K> | undefined {
  return resource !== undefined && isKind(resource, kind) ? resource : undefined;
}
