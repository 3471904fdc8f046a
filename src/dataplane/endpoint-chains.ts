import type { Direction, HostSettings, LocalEndpoint } from "../calc/index.ts";
import {
  type Chain,
  type Expression,
  type Rule,
  address,
  clearMark,
  counter,
  ctState,
  family,
  makeRule,
  port,
  protocol,
  setMark,
  testMark,
  verdict,
} from "../nft/index.ts";
import { cidrVersion } from "../lib/index.ts";
import { endpointChainName, fit, spoofChainName } from "./chain-names.ts";
import { marks, verdictMarks } from "./marks.ts";
import { deny } from "./rule-chains.ts";
import { type KnownRules, profileRules, tierRules } from "./tier-rules.ts";

const udp = 17;
const ipInIp = 4;
const vxlanPort = 4789;

/** What asks the policies and profiles of an endpoint, in this direction. */
export type AskedRules = Pick<LocalEndpoint, "tiers" | "profileIds">;

/** Ingress rules are the last ones a packet meets. Behind egress rules others have their say, and want to see the mark. */
const onAllowed = { ingress: [verdict("accept")], egress: [verdict("return")] } as const;

/**
 * What a workload's packets go through in one direction: what it shares with endpoints that are alike, and the final drop.
 * A chain is left, not by a drop, only for a packet that is allowed: ingress by accept, egress with the mark. It is short, as
 * the kernel walks through all of them whenever a jump to one comes.
 */
export function endpointChain(
  { id, interfaceName }: Pick<LocalEndpoint, "id" | "interfaceName">,
  direction: Direction,
  sharedChain: string,
  settings: HostSettings,
): Chain {
  const share = makeRule([verdict({ jump: sharedChain })]);
  return { name: endpointChainName(interfaceName, direction), rules: [share, finalDrop(id, direction, settings)] };
}

/** State of the connection, tiers, profiles: the same for all endpoints that have the same ones. Comes back undecided. */
export function sharedChain(
  name: string,
  { tiers, profileIds }: AskedRules,
  direction: Direction,
  known: KnownRules,
  settings: HostSettings,
): Chain {
  const context = { label: direction, direction, known, settings, onAllowed: onAllowed[direction] };
  return {
    name,
    isClosedWhenEmpty: true,
    rules: [
      ...(direction === "egress" ? [acceptKnown] : []),
      ...(settings.isInvalidDropped ? [makeRule([ctState(["invalid"]), verdict("drop")])] : []),
      makeRule([clearMark(verdictMarks)]),
      ...(direction === "egress" ? refuseTunnels(settings) : []),
      ...tierRules(tiers, context),
      ...profileRules(profileIds, context),
    ],
  };
}

/** What was allowed once goes on, on its way to the host too, with the ICMP errors that belong to it. */
const acceptKnown = makeRule([ctState(["established", "related"]), setMark(marks.accepted), ...onAllowed.egress]);

/** Ends the chain. Its comment says in the kernel too whose chain it is: names of interfaces are used again. */
function finalDrop(endpointId: string, direction: Direction, settings: HostSettings): Rule {
  const isLeft = direction === "egress" ? [testMark(0, marks.accepted)] : [];
  return makeRule([...isLeft, counter(), ...deny(settings)], finalComment(endpointId, direction));
}

/** So long that a comment holds it whole: one that is cut would be another endpoint's too. */
const maxIdLength = 96;

export function finalComment(endpointId: string, direction: Direction): string {
  return `${fit(endpointId, maxIdLength)} ${direction}: nothing allows it`;
}

/** Lets the endpoint's packets through with sources that it may use beside its own; others are looked at as ever. */
export function spoofChain({ interfaceName, spoofable }: LocalEndpoint): Chain {
  const rules = spoofable.map((net) => makeRule([family(cidrVersion(net)), address("source", net), verdict("accept")]));
  return { name: spoofChainName(interfaceName), rules };
}

/** In a tunnel a workload could pass for anybody. */
function refuseTunnels({ mayTunnelVxlan, mayTunnelIpIp }: HostSettings): Rule[] {
  const refuse = (tests: readonly Expression[][], comment: string) =>
    makeRule([...tests, counter(), verdict("drop")], comment);
  return [
    ...(mayTunnelVxlan ? [] : [refuse([protocol(udp), port("destination", vxlanPort)], "VXLAN from a workload")]),
    ...(mayTunnelIpIp ? [] : [refuse([protocol(ipInIp)], "IP in IP from a workload")]),
  ];
}
