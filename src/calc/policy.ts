import type { GlobalNetworkPolicy, NetworkPolicy } from "../resources/index.ts";
import {
  type Selector,
  compareTexts,
  translateGlobalPolicySubject,
  translateNetworkPolicySubject,
} from "../selector/index.ts";
import { readSelector } from "./translate-rule.ts";

export type PolicyResource = NetworkPolicy | GlobalNetworkPolicy;

/** The workloads a policy applies to; undefined when it can apply to none. */
export function workloadSubject(policy: PolicyResource): Selector | undefined {
  // Those two reach host endpoints only.
  return placeOf(policy) === "normal" ? policySubject(policy) : undefined;
}

/** The host endpoints a policy applies to: those of a namespace are for workloads only. */
export function hostSubject(policy: PolicyResource): Selector | undefined {
  return policy.kind === "NetworkPolicy" ? undefined : policySubject(policy);
}

/** Where a policy has its say: beside others, before connection tracking, or before address translation. */
export function placeOf(policy: PolicyResource): "normal" | "untracked" | "preDnat" {
  if (policy.kind === "NetworkPolicy") return "normal";
  if (policy.spec.doNotTrack === true) return "untracked";
  return policy.spec.preDNAT === true ? "preDnat" : "normal";
}

export function isForForward(policy: PolicyResource): boolean {
  return policy.kind === "GlobalNetworkPolicy" && policy.spec.applyOnForward === true;
}

function policySubject(policy: PolicyResource): Selector {
  const { spec, metadata } = policy;
  const terms = {
    selector: spec.selector === undefined ? undefined : readSelector(spec.selector),
    serviceAccountSelector:
      spec.serviceAccountSelector === undefined ? undefined : readSelector(spec.serviceAccountSelector),
  };
  if (policy.kind === "NetworkPolicy") {
    return translateNetworkPolicySubject({ namespace: metadata.namespace ?? "", ...terms });
  }
  const { namespaceSelector } = policy.spec;
  return translateGlobalPolicySubject({
    ...terms,
    namespaceSelector: namespaceSelector === undefined ? undefined : readSelector(namespaceSelector),
  });
}

type KeyedPolicy = readonly [key: string, policy: PolicyResource];

/** Within a tier: by order, those without one last; then by name, namespace and kind as one text. */
export function comparePolicies([keyA, a]: KeyedPolicy, [keyB, b]: KeyedPolicy): number {
  const [orderA, orderB] = [orderOf(a), orderOf(b)];
  if (orderA !== orderB) return orderA < orderB ? -1 : 1;
  return compareTexts(tieBreaker(keyA), tieBreaker(keyB));
}

function orderOf(policy: PolicyResource): number {
  return policy.spec.order ?? Number.POSITIVE_INFINITY;
}

/** The kind is that of the key: a policy of Kubernetes keeps its own, though it counts as one of ours. */
function tieBreaker(key: string): string {
  return key.split("/").toReversed().join("/");
}
