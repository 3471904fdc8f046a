import { type TierSpec, builtInTiers } from "../resources/index.ts";
import { compareTexts } from "../selector/index.ts";
import type { EndpointTier } from "./messages.ts";
import { type PolicyResource, comparePolicies } from "./policy.ts";

/** The stages of evaluation by name. Built-in ones are always there, and nobody can write others in their place. */
export class Tiers {
  readonly #tiers = new Map<string, TierSpec>(builtInTiers);

  set(name: string, tier: TierSpec | undefined): void {
    if (builtInTiers.has(name)) return;
    if (tier === undefined) this.#tiers.delete(name);
    else this.#tiers.set(name, tier);
  }

  /** Policies that apply to an endpoint, by their keys, by tier and direction, in the order of evaluation. */
  sort(policies: ReadonlyMap<string, PolicyResource>): EndpointTier[] {
    const byTier = Map.groupBy(policies, ([, policy]) => policy.spec.tier);
    const names = [...byTier.keys()].sort((a, b) => this.#compare(a, b));
    return names.map((name) => {
      const sorted = (byTier.get(name) ?? []).sort(comparePolicies);
      const idsOf = (type: "Ingress" | "Egress") =>
        sorted.filter(([, { spec }]) => spec.types.includes(type)).map(([key]) => key);
      // A policy whose tier is missing stays in force, and its tier denies.
      const defaultAction = this.#tiers.get(name)?.defaultAction ?? "Deny";
      return { name, defaultAction, ingress: idsOf("Ingress"), egress: idsOf("Egress") };
    });
  }

  /** Tiers that exist stand before those that are only named. */
  #compare(a: string, b: string): number {
    const [orderA, orderB] = [this.#orderOf(a), this.#orderOf(b)];
    return orderA === orderB ? compareTexts(a, b) : orderA < orderB ? -1 : 1;
  }

  #orderOf(name: string): number {
    return this.#tiers.get(name)?.order ?? Number.POSITIVE_INFINITY;
  }
}
