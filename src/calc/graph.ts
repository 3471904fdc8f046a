import {
  type GlobalNetworkPolicy,
  type Kind,
  type NetworkPolicy,
  type Resource,
  type ResourceOf,
  isKind,
} from "../resources/index.ts";
import { ActiveRules, UsedSets } from "./active-rules.ts";
import { endpointItem, networkSetItem } from "./endpoints.ts";
import { LocalEndpoints } from "./local-endpoints.ts";
import { MemberSets } from "./member-sets.ts";
import type { CalcMessage } from "./messages.ts";
import { Profiles } from "./profiles.ts";
import { Routing } from "./routing.ts";
import { Sequencer } from "./sequencer.ts";

/**
 * All resources of the cluster in, what this host has to know out. What comes out depends on the present resources
 * alone, not on the order in which they came. A resource that is invalid is given as undefined: it is absent.
 *
 * ```
 *  NetworkSet ─────────────────────────────────────────────────────┐ items
 *  GlobalNetworkSet ───────────────────────────────────────────────┤
 *  WorkloadEndpoint ──┬────────────────────────────────────────────┤
 *                     │ own ones                                   v
 *                     v                 in use?   ┌─────────┐   MemberSets ──> sets ──┐
 *  NetworkPolicy ──> LocalEndpoints ────────────> │ Active  │      ^                  │
 *  GlobalNetwork- ─┘  ^   │   (label index of     │ Rules   ├──────┘ sets in use      │
 *  Policy ────────────│───│── policies' subjects) │ (twice) ├──> policies, profiles ──┤
 *                     │   └──> endpoints with ────└─────────┘                         v
 *  Namespace ┐        │        their tiers ────────────^──────────────────────> Sequencer ──> messages
 *  Profile ──┴─> Profiles ── labels to inherit, rules ─┘ (labels: to MemberSets too)  ^
 *                                                                                     │
 *  Node, BGPPeer, BGPConfiguration, IPPool, BlockAffinity ──> Routing ── bgp, adverts ┘
 * ```
 *
 * Label indexes are updated as resources come; rules, tiers, sessions are worked out at `flush`, once for all changes.
 */
export class CalcGraph {
  readonly #node: string;
  readonly #members = new MemberSets();
  readonly #usedSets = new UsedSets(this.#members);
  readonly #policies = new ActiveRules(this.#usedSets);
  readonly #profileRules = new ActiveRules(this.#usedSets);
  readonly #local = new LocalEndpoints({
    onPolicyUse: (id, isUsed) => this.#policies.setUsed(id, isUsed),
    onProfileUse: (id, isUsed) => this.#profileRules.setUsed(id, isUsed),
  });
  readonly #profiles = new Profiles((name, profile) => {
    this.#profileRules.setSource(name, profile);
    this.#local.setParent(name, profile?.spec.labelsToApply);
    this.#members.setParent(name, profile?.spec.labelsToApply);
  });
  readonly #routing: Routing;
  readonly #sequencer = new Sequencer();
  #isSynced = false;

  constructor(options: { readonly node: string }) {
    this.#node = options.node;
    this.#routing = new Routing(options.node);
  }

  /** `key` as by resourceKey; undefined when the object is gone or invalid. Keys of kinds of no concern are passed over. */
  onResource(key: string, resource: Resource | undefined): void {
    const [kind = "", , name = ""] = key.split("/");
    if (isHandled(kind)) this.#handlers[kind](key, name, resource);
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
    const adverts = this.#routing.takeAdverts();
    if (adverts !== undefined) this.#sequencer.put("advert", "", { type: "advertUpdate", ...adverts });
    const bgp = this.#routing.takeBgp();
    if (bgp !== undefined) this.#sequencer.put("bgp", "", { type: "bgpUpdate", ...bgp });
    return this.#sequencer.flush(this.#members.flush());
  }

  readonly #handlers: Readonly<Record<HandledKind, (key: string, name: string, resource?: Resource) => void>> = {
    WorkloadEndpoint: (key, _name, resource) => this.#onEndpoint(key, only(resource, "WorkloadEndpoint")),
    NetworkSet: (key, _name, resource) => this.#onNetworkSet(key, only(resource, "NetworkSet")),
    GlobalNetworkSet: (key, _name, resource) => this.#onNetworkSet(key, only(resource, "GlobalNetworkSet")),
    NetworkPolicy: (key, _name, resource) => this.#onPolicy(key, only(resource, "NetworkPolicy")),
    GlobalNetworkPolicy: (key, _name, resource) => this.#onPolicy(key, only(resource, "GlobalNetworkPolicy")),
    Namespace: (_key, name, resource) => this.#profiles.setNamespace(name, only(resource, "Namespace")),
    Profile: (_key, name, resource) => this.#profiles.setProfile(name, only(resource, "Profile")),
    Node: (_key, name, resource) => this.#routing.setNode(name, only(resource, "Node")),
    BGPPeer: (_key, name, resource) => this.#routing.setPeer(name, only(resource, "BGPPeer")),
    BGPConfiguration: (_key, name, resource) =>
      this.#routing.setConfiguration(name, only(resource, "BGPConfiguration")),
    IPPool: (_key, name, resource) => this.#routing.setPool(name, only(resource, "IPPool")),
    BlockAffinity: (_key, name, resource) => this.#routing.setAffinity(name, only(resource, "BlockAffinity")),
  };

  #onEndpoint(key: string, endpoint: ResourceOf<"WorkloadEndpoint"> | undefined): void {
    if (endpoint === undefined) this.#members.deleteItem(key);
    else this.#members.setItem(key, endpointItem(endpoint));
    if (endpoint?.spec.node === this.#node) this.#local.setEndpoint(endpoint);
    else this.#local.deleteEndpoint(key);
  }

  #onNetworkSet(key: string, set: ResourceOf<"NetworkSet" | "GlobalNetworkSet"> | undefined): void {
    if (set === undefined) this.#members.deleteItem(key);
    else this.#members.setItem(key, networkSetItem(set));
  }

  #onPolicy(key: string, policy: NetworkPolicy | GlobalNetworkPolicy | undefined): void {
    this.#policies.setSource(key, policy);
    if (policy === undefined) this.#local.deletePolicy(key);
    else this.#local.setPolicy(key, policy);
  }
}

/** Kinds that a host's work depends on; the others concern IPAM alone. */
const handledKinds = [
  "WorkloadEndpoint",
  "NetworkSet",
  "GlobalNetworkSet",
  "NetworkPolicy",
  "GlobalNetworkPolicy",
  "Namespace",
  "Profile",
  "Node",
  "BGPPeer",
  "BGPConfiguration",
  "IPPool",
  "BlockAffinity",
] as const satisfies readonly Kind[];

type HandledKind = (typeof handledKinds)[number];

function isHandled(kind: string): kind is HandledKind {
  return handledKinds.some((handled) => handled === kind);
}

function only<K extends Kind>(resource: Resource | undefined, kind: K): ResourceOf<K> | undefined {
  return resource !== undefined && isKind(resource, kind) ? resource : undefined;
}
