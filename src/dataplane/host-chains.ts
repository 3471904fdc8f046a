import type { Direction, FailsafePort, HostSettings, LocalHostEndpoint } from "../calc/index.ts";
import { cidrVersion } from "../lib/index.ts";
import {
  type Chain,
  type Expression,
  type NftSet,
  type Rule,
  type Verdict,
  address,
  clearMark,
  counter,
  ctState,
  family,
  icmp,
  interfaceMap,
  makeRule,
  notrack,
  port,
  protocol,
  setMark,
  testMark,
  verdict,
  verdictMap,
} from "../nft/index.ts";
import { type HostPlace, hostChainName, hostPlaces } from "./chain-names.ts";
import { allMarks, marks, verdictMarks } from "./marks.ts";
import { deny } from "./rule-chains.ts";
import { type KnownRules, type TierContext, profileRules, tierRules } from "./tier-rules.ts";

/** Which host endpoint has which interface; `rest` has all that are not named, but those of workloads. */
export type HostInterfaces = {
  readonly named: ReadonlyMap<string, LocalHostEndpoint>;
  readonly rest: LocalHostEndpoint | undefined;
};

/** ICMPv6 without which a host has no neighbours and no routers (RFC 4890 section 4.4.1). */
const vitalIcmp6: readonly number[] = [130, 131, 132, 133, 134, 135, 136, 143];

/** The chains of one host endpoint, one for each place in which it has a say. */
export function hostEndpointChains(endpoint: LocalHostEndpoint, known: KnownRules, settings: HostSettings): Chain[] {
  return hostPlaces.map((place) => ({
    name: hostChainName(place, endpoint.name),
    rules: rulesOf[place](endpoint, known, settings),
  }));
}

/**
 * By the interface to the chains of its host endpoint. Each is to be jumped to: who comes back may go on. Chains are entered
 * by goto, so that an endpoint of its own keeps an interface from the endpoint of the rest.
 */
export function hostDispatch({ named, rest }: HostInterfaces): { readonly chains: Chain[]; readonly sets: NftSet[] } {
  const maps = hostPlaces.map((place) => {
    const entries = [...named].map(
      ([name, endpoint]) =>
        [name, { type: "goto", chain: hostChainName(place, endpoint.name) }] satisfies [string, Verdict],
    );
    return interfaceMap(dispatchName(place), entries);
  });
  const chains = hostPlaces.map((place): Chain => {
    const way = isInbound(place) ? "in" : "out";
    // Untracked policies of the rest are not heeded: they would also be asked about what goes to workloads.
    const hasRest = rest !== undefined && place !== "raw-in" && place !== "raw-out";
    return {
      name: dispatchName(place),
      rules: [
        makeRule([verdictMap(way, dispatchName(place))]),
        ...(hasRest ? [makeRule([verdict({ goto: hostChainName(place, rest.name) })])] : []),
      ],
    };
  });
  return { chains, sets: maps };
}

/** Name of the dispatching chain, and of its map. */
export function dispatchName(place: HostPlace): string {
  return `host-${place}`;
}

function isInbound(place: HostPlace): boolean {
  return place === "in" || place === "forward-in" || place === "raw-in" || place === "pre-dnat";
}

type MakeRules = (endpoint: LocalHostEndpoint, known: KnownRules, settings: HostSettings) => Rule[];

const rulesOf: Readonly<Record<HostPlace, MakeRules>> = {
  in: (endpoint, known, settings) => normalRules(endpoint, "ingress", known, settings),
  out: (endpoint, known, settings) => normalRules(endpoint, "egress", known, settings),
  "forward-in": (endpoint, known, settings) => forwardRules(endpoint, "ingress", known, settings),
  "forward-out": (endpoint, known, settings) => forwardRules(endpoint, "egress", known, settings),
  "raw-in": (endpoint, known, settings) => untrackedRules(endpoint, "ingress", known, settings),
  "raw-out": (endpoint, known, settings) => untrackedRules(endpoint, "egress", known, settings),
  "pre-dnat": preDnatRules,
};

/** What ends or begins in the host: closed unless a rule, a profile or a failsafe port opens it. */
function normalRules(
  endpoint: LocalHostEndpoint,
  direction: Direction,
  known: KnownRules,
  settings: HostSettings,
): Rule[] {
  const context = contextOf(endpoint, direction, known, settings, [verdict("accept")]);
  return [
    makeRule([testMark(marks.untracked), verdict("accept")]),
    ...stateRules(settings, "accept"),
    ...vitalIcmp6.map((type) => makeRule([family(6), icmp(6, { type }), verdict("accept")])),
    ...failsafeRules(settings, direction, "accept"),
    makeRule([clearMark(verdictMarks)]),
    ...tierRules(endpoint.normal, context),
    ...profileRules(endpoint.profileIds, context),
    makeRule([counter(), ...deny(settings)], `${endpoint.id} ${direction}: nothing allows it`),
  ];
}

/** What goes through the host: open unless a policy that asks for it closes it. */
function forwardRules(
  endpoint: LocalHostEndpoint,
  direction: Direction,
  known: KnownRules,
  settings: HostSettings,
): Rule[] {
  if (endpoint.forward.every((tier) => tier[direction].length === 0)) return [];
  const context = contextOf(endpoint, direction, known, settings, [verdict("return")]);
  return [
    makeRule([testMark(marks.untracked), verdict("return")]),
    ...stateRules(settings, "return"),
    makeRule([clearMark(verdictMarks)]),
    ...tierRules(endpoint.forward, context),
  ];
}

/** Before connection tracking: what is allowed here is not tracked, and nothing behind asks about it. */
function untrackedRules(
  endpoint: LocalHostEndpoint,
  direction: Direction,
  known: KnownRules,
  settings: HostSettings,
): Rule[] {
  if (endpoint.untracked.every((tier) => tier[direction].length === 0)) return [];
  const letThrough = [setMark(marks.untracked, allMarks), notrack(), verdict("accept")];
  const answers = direction === "ingress" ? settings.failsafeOutbound : settings.failsafeInbound;
  return [
    ...failsafeRules(settings, direction, "return"),
    // Answers come from the port that was asked.
    ...answers.map((one) => failsafeRule(one, "source", direction, "return")),
    makeRule([clearMark(allMarks)]),
    ...tierRules(endpoint.untracked, contextOf(endpoint, direction, known, settings, letThrough)),
  ];
}

/** Before any address translation, so that rules see the port that was asked for. */
function preDnatRules(endpoint: LocalHostEndpoint, known: KnownRules, settings: HostSettings): Rule[] {
  if (endpoint.preDnat.every(({ ingress }) => ingress.length === 0)) return [];
  return [
    makeRule([testMark(marks.untracked), verdict("return")]),
    ...stateRules(settings, "return"),
    ...failsafeRules(settings, "ingress", "return"),
    makeRule([clearMark(verdictMarks)]),
    ...tierRules(endpoint.preDnat, contextOf(endpoint, "ingress", known, settings, [verdict("return")])),
  ];
}

function contextOf(
  { id }: LocalHostEndpoint,
  direction: Direction,
  known: KnownRules,
  settings: HostSettings,
  onAllowed: readonly (readonly Expression[])[],
): TierContext {
  return { label: `${id} ${direction}`, direction, known, settings, onAllowed };
}

function stateRules({ isInvalidDropped }: HostSettings, onEstablished: "accept" | "return"): Rule[] {
  return [
    makeRule([ctState(["established", "related"]), verdict(onEstablished)]),
    ...(isInvalidDropped ? [makeRule([ctState(["invalid"]), verdict("drop")])] : []),
  ];
}

function failsafeRules(settings: HostSettings, direction: Direction, onMatch: "accept" | "return"): Rule[] {
  const ports = direction === "ingress" ? settings.failsafeInbound : settings.failsafeOutbound;
  return ports.map((one) => failsafeRule(one, "destination", direction, onMatch));
}

function failsafeRule(
  failsafe: FailsafePort,
  end: "source" | "destination",
  direction: Direction,
  onMatch: "accept" | "return",
): Rule {
  const { net } = failsafe;
  const remote = direction === "ingress" ? "source" : "destination";
  return makeRule(
    [
      ...(net === undefined ? [] : [family(cidrVersion(net)), address(remote, net)]),
      protocol(failsafe.protocol),
      port(end, failsafe.port),
      counter(),
      verdict(onMatch),
    ],
    "failsafe port",
  );
}
