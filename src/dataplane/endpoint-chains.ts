import type { Direction, LocalEndpoint } from "../calc/index.ts";
import {
  type Chain,
  type Expression,
  type Rule,
  clearMark,
  counter,
  ctState,
  makeRule,
  port,
  protocol,
  testMark,
  verdict,
} from "../nft/index.ts";
import { endpointChainName, policyChainName, profileChainName } from "./chain-names.ts";
import { marks, verdictMarks } from "./marks.ts";
import { allow } from "./rule-chains.ts";

/** Which rules are there to be jumped to. */
export type KnownRules = { hasPolicy(id: string): boolean; hasProfile(id: string): boolean };

const udp = 17;
const ipInIp = 4;
const vxlanPort = 4789;

const isUndecided: Expression[] = testMark(0, verdictMarks);

/**
 * What an endpoint's packets go through in one direction: state of the connection, tiers, profiles, and the final drop.
 * A chain is left, not by a drop, only for a packet that is allowed: ingress by accept, egress by return with the mark.
 */
export function endpointChain(endpoint: LocalEndpoint, direction: Direction, known: KnownRules): Chain {
  return {
    name: endpointChainName(endpoint.interfaceName, direction),
    rules: [
      // Connections that were allowed once go on, with the ICMP errors that belong to them.
      makeRule([ctState(["established", "related"]), ...allow(direction)]),
      makeRule([ctState(["invalid"]), verdict("drop")]),
      makeRule([clearMark(verdictMarks)]),
      ...(direction === "egress" ? refuseTunnels : []),
      ...tierRules(endpoint, direction, known),
      ...profileRules(endpoint, direction, known),
      finalDrop(endpoint.id, direction),
    ],
  };
}

/** Ends the chain. Its comment says in the kernel too whose chain it is: names of interfaces are used again. */
export function finalDrop(endpointId: string, direction: Direction): Rule {
  return makeRule([counter(), verdict("drop")], `${endpointId} ${direction}: nothing allows it`);
}

/** In a tunnel a workload could pass for anybody. */
const refuseTunnels: readonly Rule[] = [
  makeRule([protocol(udp), port("destination", vxlanPort), counter(), verdict("drop")], "VXLAN from a workload"),
  makeRule([protocol(ipInIp), counter(), verdict("drop")], "IP in IP from a workload"),
];

function tierRules(endpoint: LocalEndpoint, direction: Direction, known: KnownRules): Rule[] {
  return endpoint.tiers
    .filter((tier) => tier[direction].length > 0)
    .flatMap((tier, i) => [
      // What one tier passed on is undecided in the next one.
      ...(i === 0 ? [] : [makeRule([clearMark(marks.passed)])]),
      ...tier[direction].map((id) =>
        // Rules that are missing could have been a refusal.
        makeRule([isUndecided, verdict(known.hasPolicy(id) ? { jump: policyChainName(id, direction) } : "drop")]),
      ),
      ...leaveAllowed(direction),
      ...(tier.defaultAction === "Pass"
        ? []
        : [
            makeRule(
              [isUndecided, counter(), verdict("drop")],
              `${endpoint.id} ${direction}: end of tier ${tier.name}`,
            ),
          ]),
    ]);
}

/** A profile that does not exist has no rules. */
function profileRules(endpoint: LocalEndpoint, direction: Direction, known: KnownRules): Rule[] {
  return endpoint.profileIds.flatMap((id) =>
    known.hasProfile(id)
      ? [makeRule([verdict({ jump: profileChainName(id, direction) })]), ...leaveAllowed(direction)]
      : [],
  );
}

/** Allowed ingress packets have left the table already. */
function leaveAllowed(direction: Direction): Rule[] {
  return direction === "ingress" ? [] : [makeRule([testMark(marks.accepted), verdict("return")])];
}
