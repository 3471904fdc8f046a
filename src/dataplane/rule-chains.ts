import type { ActivePolicy, ActiveRule, Direction, HostSettings } from "../calc/index.ts";
import {
  type Chain,
  type Expression,
  type NftSet,
  type Rule,
  counter,
  limit,
  log,
  makeRule,
  reject,
  setMark,
  verdict,
} from "../nft/index.ts";
import { policyChainName, profileChainName } from "./chain-names.ts";
import { marks } from "./marks.ts";
import { renderMatch } from "./render-rule.ts";

/** The rules of a policy or profile, shared by all endpoints: one chain for each direction. */
export type RuleChains = { readonly chains: readonly Chain[]; readonly sets: readonly NftSet[] };

export function policyChains(policy: ActivePolicy, settings: HostSettings): RuleChains {
  return renderChains(policy, policyChainName, settings);
}

export function profileChains(profile: ActivePolicy, settings: HostSettings): RuleChains {
  return renderChains(profile, profileChainName, settings);
}

function renderChains(
  policy: ActivePolicy,
  chainName: (id: string, direction: Direction) => string,
  settings: HostSettings,
): RuleChains {
  const sets = new Map<string, NftSet>();
  const chains = (["ingress", "egress"] as const).map((direction): Chain => {
    const rules = policy[direction].flatMap((rule, i): Rule[] => {
      const match = renderMatch(rule);
      for (const set of match.sets) sets.set(set.name, set);
      const comment = `${policy.id} ${direction}[${i}]`;
      const action = renderAction(rule, policy, `${direction}[${i}]`, settings);
      return match.alternatives.map((tests) => makeRule([...tests, counter(), ...action], comment));
    });
    return { name: chainName(policy.id, direction), rules };
  });
  return { chains, sets: [...sets.values()] };
}

function renderAction(
  { action }: ActiveRule,
  policy: ActivePolicy,
  ruleName: string,
  settings: HostSettings,
): Expression[][] {
  switch (action) {
    case "Allow":
      return allow;
    case "Deny":
      return deny(settings);
    case "Pass":
      // In a profile it only leads to the next profile.
      return policy.tier === "" ? [verdict("return")] : [setMark(marks.passed), verdict("return")];
    case "Log":
      return logLine(policy, ruleName, settings);
  }
}

/**
 * A packet that is allowed goes back, marked, to whoever asked: other rules may have their say, those of the workload it goes to
 * on this host, or those of the host itself.
 */
const allow: Expression[][] = [setMark(marks.accepted), verdict("return")];

/** What becomes of a packet that is not allowed. */
export function deny({ denyAction }: HostSettings): Expression[][] {
  return denyAction === "Reject" ? [reject()] : [verdict("drop")];
}

/** Over the limit only the line is left out: the packet goes on all the same. */
function logLine({ id, tier }: ActivePolicy, ruleName: string, { logPrefix, logLimit }: HostSettings): Expression[][] {
  // The id of a profile is its name.
  const [kind = "", namespace = "", name = ""] = tier === "" ? ["Profile", "", id] : id.split("/");
  const words: Readonly<Record<string, string>> = {
    "%t": tier,
    "%k": kind,
    "%n": namespace === "" ? name : `${namespace}/${name}`,
    "%p": id,
  };
  const prefix = `${logPrefix.replaceAll(/%[tknp]/g, (sign) => words[sign] ?? sign)} ${ruleName}: `;
  return [
    ...(logLimit === undefined ? [] : [limit({ rate: logLimit.count, unit: logLimit.per, burst: logLimit.burst })]),
    log({ prefix: prefix.slice(0, 127) }),
  ];
}
