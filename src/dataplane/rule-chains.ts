import type { ActivePolicy, ActiveRule, Direction } from "../calc/index.ts";
import {
  type Chain,
  type Expression,
  type NftSet,
  type Rule,
  counter,
  log,
  makeRule,
  setMark,
  verdict,
} from "../nft/index.ts";
import { policyChainName, profileChainName } from "./chain-names.ts";
import { marks } from "./marks.ts";
import { renderMatch } from "./render-rule.ts";

/** The rules of a policy or profile, shared by all endpoints: one chain for each direction. */
export type RuleChains = { readonly chains: readonly Chain[]; readonly sets: readonly NftSet[] };

export function policyChains(policy: ActivePolicy): RuleChains {
  return renderChains(policy, policyChainName, true);
}

export function profileChains(profile: ActivePolicy): RuleChains {
  return renderChains(profile, profileChainName, false);
}

function renderChains(
  policy: ActivePolicy,
  chainName: (id: string, direction: Direction) => string,
  isPolicy: boolean,
): RuleChains {
  const sets = new Map<string, NftSet>();
  const chains = (["ingress", "egress"] as const).map((direction): Chain => {
    const rules = policy[direction].flatMap((rule, i): Rule[] => {
      const match = renderMatch(rule);
      for (const set of match.sets) sets.set(set.name, set);
      const comment = `${policy.id} ${direction}[${i}]`;
      const action = renderAction(rule, direction, isPolicy, policy.id);
      return match.alternatives.map((tests) => makeRule([...tests, counter(), ...action], comment));
    });
    return { name: chainName(policy.id, direction), rules };
  });
  return { chains, sets: [...sets.values()] };
}

function renderAction({ action }: ActiveRule, direction: Direction, isPolicy: boolean, id: string): Expression[][] {
  switch (action) {
    case "Allow":
      return allow(direction);
    case "Deny":
      return [verdict("drop")];
    case "Pass":
      // In a profile it only leads to the next profile.
      return isPolicy ? [setMark(marks.passed), verdict("return")] : [verdict("return")];
    case "Log":
      return [log({ prefix: `tortie ${id}: `.slice(0, 127) })];
  }
}

/**
 * Ingress rules are the last ones a packet meets. Egress rules are not: the workload it goes to, if it is on this host,
 * or the rules for the host itself have their say too, so the packet goes back to the base chain with a mark.
 */
export function allow(direction: Direction): Expression[][] {
  return direction === "ingress" ? [verdict("accept")] : [setMark(marks.accepted), verdict("return")];
}
