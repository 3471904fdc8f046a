import { type HostEndpoint, type WorkloadEndpoint, keyOf } from "../resources/index.ts";
import { type Selector, selectorText } from "../selector/index.ts";
import { LabelIndex, type Labels } from "./label-index.ts";
import type { SetItem } from "./member-sets.ts";
import type { EndpointTier } from "./messages.ts";
import type { PolicyResource } from "./policy.ts";
import type { Tiers } from "./tiers.ts";

/** Told who is in use by endpoints of this host. Counting is the receiver's business. */
export type UseListener = {
  onPolicyUse(policyId: string, isUsed: boolean): void;
  onProfileUse(profileId: string, isUsed: boolean): void;
};

/** What tells workloads from interfaces of the host. */
export type EndpointSort<E extends EndpointResource, L> = {
  readonly subjectOf: (policy: PolicyResource) => Selector | undefined;
  readonly itemOf: (endpoint: E) => SetItem;
  /** `sort` puts policies into their tiers. */
  readonly describe: (endpoint: E, policies: Policies, sort: (policies: Policies) => EndpointTier[]) => L;
};

type EndpointResource = WorkloadEndpoint | HostEndpoint;
type Policies = ReadonlyMap<string, PolicyResource>;

/** The policies that apply to an endpoint, and how to put some of them into their tiers. */
type Applied = { readonly policies: Policies; readonly sort: (policies: Policies) => EndpointTier[] };

/** The endpoints of one sort of this host, and the policies that apply to each. */
export class LocalEndpoints<E extends EndpointResource, L> {
  readonly #sort: EndpointSort<E, L>;
  readonly #listener: UseListener;
  readonly #endpoints = new Map<string, E>();
  readonly #policies = new Map<string, { readonly policy: PolicyResource; readonly subject: Selector | undefined }>();
  readonly #endpointsByPolicy = new Map<string, Set<string>>();
  readonly #endpointCountByProfile = new Map<string, number>();
  readonly #tiers: Tiers;
  readonly #dirty = new Set<string>();
  readonly #index = new LabelIndex({
    onMatch: (policyId, endpointId) => this.#onMatch(policyId, endpointId),
    onUnmatch: (policyId, endpointId) => this.#onUnmatch(policyId, endpointId),
  });

  constructor(sort: EndpointSort<E, L>, tiers: Tiers, listener: UseListener) {
    this.#sort = sort;
    this.#tiers = tiers;
    this.#listener = listener;
  }

  setEndpoint(endpoint: E): void {
    const id = keyOf(endpoint);
    const old = this.#endpoints.get(id);
    this.#endpoints.set(id, endpoint);
    this.#dirty.add(id);
    const { labels, parents } = this.#sort.itemOf(endpoint);
    this.#index.setItem(id, labels, parents);
    this.#countProfiles(endpoint, 1);
    if (old !== undefined) this.#countProfiles(old, -1);
  }

  deleteEndpoint(id: string): void {
    const old = this.#endpoints.get(id);
    if (old === undefined) return;
    this.#endpoints.delete(id);
    this.#dirty.add(id);
    this.#index.deleteItem(id);
    this.#countProfiles(old, -1);
  }

  setPolicy(id: string, policy: PolicyResource): void {
    const old = this.#policies.get(id);
    const subject = this.#sort.subjectOf(policy);
    this.#policies.set(id, { policy, subject });
    for (const endpointId of this.#endpointsByPolicy.get(id) ?? []) this.#dirty.add(endpointId);
    if (textOf(old?.subject) === textOf(subject)) return;
    if (old !== undefined) this.#index.deleteSelector(id);
    if (subject !== undefined) this.#index.addSelector(id, subject);
  }

  deletePolicy(id: string): void {
    this.#policies.delete(id);
    this.#index.deleteSelector(id);
  }

  /** The tiers are others: all have to be sorted anew. */
  tiersChanged(): void {
    for (const id of this.#endpoints.keys()) this.#dirty.add(id);
  }

  setParent(profileName: string, labels: Labels | undefined): void {
    this.#index.setParent(profileName, labels);
  }

  /** Endpoints that have changed in any way since the last time; undefined for those that have gone. */
  takeChanged(): [id: string, endpoint: L | undefined][] {
    const applied = new Map<string, Applied>();
    const changed = [...this.#dirty].map((id): [string, L | undefined] => [id, this.#describe(id, applied)]);
    this.#dirty.clear();
    return changed;
  }

  /** `applied`: what has been found already in this go. */
  #describe(id: string, applied: Map<string, Applied>): L | undefined {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined) return undefined;
    const { policies, sort } = this.#appliedTo(id, applied);
    return this.#sort.describe(endpoint, policies, sort);
  }

  /** Many endpoints have the same policies: those are sorted once, and the endpoints have the very same tiers. */
  #appliedTo(id: string, applied: Map<string, Applied>): Applied {
    const policyIds = this.#index.selectorsOf(id);
    const key = [...policyIds].join(" ");
    const known = applied.get(key);
    if (known !== undefined) return known;
    const policies = new Map<string, PolicyResource>();
    for (const policyId of policyIds) {
      const entry = this.#policies.get(policyId);
      if (entry !== undefined) policies.set(policyId, entry.policy);
    }
    let sorted: EndpointTier[] | undefined;
    const sort = (some: Policies) => {
      if (some !== policies) return this.#tiers.sort(some);
      sorted ??= this.#tiers.sort(policies);
      return sorted;
    };
    const found: Applied = { policies, sort };
    applied.set(key, found);
    return found;
  }

  #onMatch(policyId: string, endpointId: string): void {
    this.#dirty.add(endpointId);
    const endpoints = this.#endpointsByPolicy.get(policyId);
    if (endpoints !== undefined) {
      endpoints.add(endpointId);
      return;
    }
    this.#endpointsByPolicy.set(policyId, new Set([endpointId]));
    this.#listener.onPolicyUse(policyId, true);
  }

  #onUnmatch(policyId: string, endpointId: string): void {
    this.#dirty.add(endpointId);
    const endpoints = this.#endpointsByPolicy.get(policyId);
    endpoints?.delete(endpointId);
    if (endpoints?.size !== 0) return;
    this.#endpointsByPolicy.delete(policyId);
    this.#listener.onPolicyUse(policyId, false);
  }

  #countProfiles({ spec }: E, difference: 1 | -1): void {
    for (const name of new Set(spec.profiles ?? [])) {
      const old = this.#endpointCountByProfile.get(name) ?? 0;
      const count = old + difference;
      if (count === 0) this.#endpointCountByProfile.delete(name);
      else this.#endpointCountByProfile.set(name, count);
      if (old === 0 || count === 0) this.#listener.onProfileUse(name, count > 0);
    }
  }
}

function textOf(selector: Selector | undefined): string | undefined {
  return selector === undefined ? undefined : selectorText(selector);
}
