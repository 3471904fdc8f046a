import type { Direction, EndpointTier, HostSettings } from "../calc/index.ts";
import { type Expression, type Rule, clearMark, counter, makeRule, testMark, verdict } from "../nft/index.ts";
import { policyChainName, profileChainName } from "./chain-names.ts";
import { marks, verdictMarks } from "./marks.ts";
import { deny } from "./rule-chains.ts";

/** Which rules are there to be jumped to. */
export type KnownRules = {
  hasPolicy(id: string): boolean;
  hasProfile(id: string): boolean;
  /** Jumps to policies, by `jumpKey`: many endpoints have the same ones. */
  readonly jumps: Map<string, Rule>;
};

export function jumpKey(policyId: string, direction: Direction): string {
  return `${direction} ${policyId}`;
}

export type TierContext = {
  /** Whose rules they are, for comments. */
  readonly label: string;
  readonly direction: Direction;
  readonly known: KnownRules;
  readonly settings: HostSettings;
  /** How a packet that is allowed leaves the chain. */
  readonly onAllowed: readonly (readonly Expression[])[];
};

const isUndecided: Expression[] = testMark(0, verdictMarks);

/** Tiers in their order. What leaves them is undecided: each tier passed it on. */
export function tierRules(tiers: readonly EndpointTier[], context: TierContext): Rule[] {
  const { label, direction, known, settings } = context;
  return tiers
    .filter((tier) => tier[direction].length > 0)
    .flatMap((tier, i) => [
      // What one tier passed on is undecided in the next one.
      ...(i === 0 ? [] : [makeRule([clearMark(marks.passed)])]),
      // Rules that are missing could have been a refusal.
      ...tier[direction].map((id) => (known.hasPolicy(id) ? jumpTo(id, direction, known) : refuseUndecided)),
      leaveAllowed(context),
      ...(tier.defaultAction === "Pass"
        ? []
        : [makeRule([isUndecided, counter(), ...deny(settings)], `${label}: end of tier ${tier.name}`)]),
    ]);
}

const refuseUndecided = makeRule([isUndecided, verdict("drop")]);

function jumpTo(policyId: string, direction: Direction, { jumps }: KnownRules): Rule {
  const key = jumpKey(policyId, direction);
  let rule = jumps.get(key);
  if (rule === undefined) {
    rule = makeRule([isUndecided, verdict({ jump: policyChainName(policyId, direction) })]);
    jumps.set(key, rule);
  }
  return rule;
}

/** A profile that does not exist has no rules. */
export function profileRules(profileIds: readonly string[], context: TierContext): Rule[] {
  const { direction, known } = context;
  return profileIds.flatMap((id) =>
    known.hasProfile(id) ? [makeRule([verdict({ jump: profileChainName(id, direction) })]), leaveAllowed(context)] : [],
  );
}

function leaveAllowed({ onAllowed }: Pick<TierContext, "onAllowed">): Rule {
  return makeRule([testMark(marks.accepted), ...onAllowed]);
}
