import { compareTexts } from "../selector/index.ts";
import type { EndpointTier } from "./messages.ts";
import { type PolicyResource, comparePolicies } from "./policy.ts";

/** A stage of evaluation. */
type Tier = { readonly name: string; readonly order: number; readonly defaultAction: "Deny" | "Pass" };

/** There is one tier so far; tiers as resources come in here. */
const tiers: ReadonlyMap<string, Tier> = new Map([
  ["default", { name: "default", order: 1_000_000, defaultAction: "Deny" }],
]);

/** Policies that apply to an endpoint, by tier and direction, in the order of evaluation. `key` names a policy. */
export function sortIntoTiers(policies: ReadonlyMap<string, PolicyResource>): EndpointTier[] {
  const byTier = Map.groupBy(policies, ([, policy]) => policy.spec.tier);
  return [...byTier.keys()].sort(compareTiers).map((name) => {
    const sorted = (byTier.get(name) ?? []).sort(([, a], [, b]) => comparePolicies(a, b));
    const idsOf = (type: "Ingress" | "Egress") =>
      sorted.filter(([, { spec }]) => spec.types.includes(type)).map(([key]) => key);
    // A policy whose tier is missing stays in force, and its tier denies.
    const defaultAction = tiers.get(name)?.defaultAction ?? "Deny";
    return { name, defaultAction, ingress: idsOf("Ingress"), egress: idsOf("Egress") };
  });
}

/** Tiers that exist stand before those that are only named. */
function compareTiers(a: string, b: string): number {
  const [orderA, orderB] = [a, b].map((name) => tiers.get(name)?.order ?? Number.POSITIVE_INFINITY);
  if (orderA !== undefined && orderB !== undefined && orderA !== orderB) return orderA < orderB ? -1 : 1;
  return compareTexts(a, b);
}
