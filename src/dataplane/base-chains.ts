import type { HostSettings, LocalEndpoint } from "../calc/index.ts";
import {
  type Chain,
  type Expression,
  type NftSet,
  type Rule,
  addressIn,
  counter,
  ctState,
  family,
  icmp,
  ifname,
  interfaceMap,
  makeRule,
  masquerade,
  port,
  protocol,
  reversePath,
  setMark,
  testMark,
  verdict,
  verdictMap,
} from "../nft/index.ts";
import { chainNames, endpointChainName, spoofChainName } from "./chain-names.ts";
import { dispatchName } from "./host-chains.ts";
import { allMarks, marks } from "./marks.ts";
import { natSetName } from "./nat-sets.ts";
import { workloadPrefix } from "./ownership.ts";

/** Sets and maps that say which interfaces lead to workloads, and where their rules are. */
export const dispatchNames = {
  workloads: "workloads",
  from: "from-workload",
  to: "to-workload",
  spoof: "may-spoof",
} as const;

/** What there is on this host beside workloads; without it the chains for it are not there either. */
export type BaseNeeds = {
  readonly settings: HostSettings;
  readonly hasHostEndpoints: boolean;
  readonly hasUntracked: boolean;
  readonly hasPreDnat: boolean;
  readonly hasNat: boolean;
};

const loopback = "lo";

/**
 * ```
 *  prerouting (raw) ── from a workload ──> anti-spoof: not its own source, or a router's or DHCP server's word? drop
 *       │              unknown tt...: drop
 *       │          ── else ──> host endpoint, untracked
 *       ├ (mangle) ── not from a workload ──> host endpoint, before DNAT
 *       ├─> forward: host endpoint, forward ── from/IF (egress rules) ── mark accepted ──> to/IF (ingress rules) ──> accept
 *       │            not accepted: drop          unknown tt...: drop ── else host endpoint, forward
 *       └─> input ── from a workload ──> workload-to-host: ND accept; from/IF; replies accept; then as the settings say
 *                └── else ──> host endpoint, normal
 *  output ── not to a workload ──> host endpoint: untracked (raw), normal
 *  postrouting (nat): from a pool that asks for it to outside of the pools: the host's address
 *
 *  What the host itself sends to its workloads passes no rules: a host reaches its own workloads.
 * ```
 */
export function baseChains(needs: BaseNeeds): readonly Chain[] {
  const { settings, hasHostEndpoints } = needs;
  return [
    rawChain(needs),
    antiSpoofChain,
    ...(needs.hasPreDnat ? [preDnatChain] : []),
    forwardChain(hasHostEndpoints),
    {
      name: chainNames.input,
      hook: { type: "filter", hook: "input", priority: 0, policy: "accept" },
      rules: [
        makeRule([isKnownWorkload("in"), verdict({ goto: chainNames.toHost })]),
        ...(hasHostEndpoints ? [makeRule([ifname("in", loopback), verdict("accept")]), jumpTo("in")] : []),
      ],
    },
    toHostChain(settings),
    ...(hasHostEndpoints ? [outputChain] : []),
    ...(needs.hasUntracked ? [rawOutputChain] : []),
    ...(needs.hasNat ? [natChain] : []),
  ];
}

function rawChain({ hasUntracked }: BaseNeeds): Chain {
  return {
    name: chainNames.raw,
    hook: { type: "filter", hook: "prerouting", priority: -300, policy: "accept" },
    rules: [
      makeRule([isKnownWorkload("in"), verdict({ goto: chainNames.antiSpoof })]),
      makeRule([ifname("in", workloadPrefix, { isPrefix: true }), counter(), verdict("drop")], "unknown workload"),
      ...(hasUntracked ? [jumpTo("raw-in")] : []),
    ],
  };
}

const udp = 17;

/** What only routers and DHCP servers say: from a workload it could lead others astray. */
const refuseImpostors: readonly Rule[] = (
  [
    [[family(6), icmp(6, { type: 134 })], "router advertisement from a workload"],
    [[family(6), icmp(6, { type: 137 })], "redirect from a workload"],
    [[family(4), icmp(4, { type: 5 })], "redirect from a workload"],
    [[protocol(udp), port("source", 67), port("destination", 68)], "DHCP server in a workload"],
    [[protocol(udp), port("source", 547), port("destination", 546)], "DHCPv6 server in a workload"],
  ] satisfies [Expression[][], string][]
).map(([tests, comment]) => makeRule([...tests, counter(), verdict("drop")], comment));

const antiSpoofChain: Chain = {
  name: chainNames.antiSpoof,
  rules: [
    ...refuseImpostors,
    makeRule([verdictMap("in", dispatchNames.spoof)]),
    // Each address has a route of its own to the interface it belongs to, so a strict look back tells.
    makeRule([reversePath({ isMissing: true }), counter(), verdict("drop")], "forged source"),
    makeRule([setMark(marks.fromWorkload, allMarks)]),
  ],
};

const isNotFromWorkload = testMark(0, marks.fromWorkload);

const preDnatChain: Chain = {
  name: chainNames.preDnat,
  hook: { type: "filter", hook: "prerouting", priority: -150, policy: "accept" },
  rules: [
    makeRule([ifname("in", loopback), verdict("accept")]),
    makeRule([isNotFromWorkload, verdict({ jump: dispatchName("pre-dnat") })]),
  ],
};

function forwardChain(hasHostEndpoints: boolean): Chain {
  return {
    name: chainNames.forward,
    hook: { type: "filter", hook: "forward", priority: 0, policy: "accept" },
    rules: [
      ...(hasHostEndpoints ? [makeRule([isNotFromWorkload, verdict({ jump: dispatchName("forward-in") })])] : []),
      makeRule([verdictMap("in", dispatchNames.from)]),
      // While an endpoint comes or goes it may be a known workload and yet have no rules.
      makeRule(
        [testMark(marks.fromWorkload, marks.fromWorkload | marks.accepted), counter(), verdict("drop")],
        "workload without rules",
      ),
      makeRule([verdictMap("out", dispatchNames.to)]),
      makeRule([ifname("out", workloadPrefix, { isPrefix: true }), counter(), verdict("drop")], "unknown workload"),
      makeRule([isKnownWorkload("out"), counter(), verdict("drop")], "workload without rules"),
      ...(hasHostEndpoints ? [jumpTo("forward-out")] : []),
    ],
  };
}

function toHostChain({ endpointToHostAction }: HostSettings): Chain {
  return {
    name: chainNames.toHost,
    rules: [
      // Without these a workload finds neither its gateway nor its own address free, whatever its rules say.
      ...[130, 131, 132, 133, 135, 136].map((type) => makeRule([family(6), icmp(6, { type }), verdict("accept")])),
      makeRule([verdictMap("in", dispatchNames.from)]),
      makeRule([testMark(0, marks.accepted), counter(), verdict("drop")], "workload without rules"),
      // Answers to what the host asked.
      makeRule([ctState(["established", "related"]), verdict("accept")]),
      endpointToHostAction === "Drop"
        ? makeRule([counter(), verdict("drop")], "workloads do not talk to their host")
        : makeRule([counter(), verdict(endpointToHostAction === "Accept" ? "accept" : "return")]),
    ],
  };
}

const outputChain: Chain = {
  name: chainNames.output,
  hook: { type: "filter", hook: "output", priority: 0, policy: "accept" },
  rules: [
    makeRule([ifname("out", loopback), verdict("accept")]),
    makeRule([isKnownWorkload("out"), verdict("accept")]),
    jumpTo("out"),
  ],
};

const rawOutputChain: Chain = {
  name: chainNames.rawOutput,
  hook: { type: "filter", hook: "output", priority: -300, policy: "accept" },
  rules: [jumpTo("raw-out")],
};

/** Between workloads, and to hosts inside of the pools, addresses stay what they are. */
const natChain: Chain = {
  name: chainNames.nat,
  hook: { type: "nat", hook: "postrouting", priority: 100, policy: "accept" },
  rules: ([4, 6] as const).map((version) =>
    makeRule([
      family(version),
      addressIn("source", version, natSetName("nat", version)),
      addressIn("destination", version, natSetName("pools", version), { not: true }),
      isKnownWorkload("out", true),
      masquerade(),
    ]),
  ),
};

function jumpTo(place: Parameters<typeof dispatchName>[0]): Rule {
  return makeRule([verdict({ jump: dispatchName(place) })]);
}

/**
 * Of endpoints that have an interface to themselves. Interfaces of endpoints that are refused lead to workloads too, and to no
 * rules: nothing goes there, and nothing comes from there, be it a search for neighbours.
 */
export function dispatchSets(endpoints: readonly LocalEndpoint[], refused: readonly string[] = []): NftSet[] {
  const names = endpoints.map(({ interfaceName }) => interfaceName);
  const from = names.map((name) => [name, { type: "jump", chain: endpointChainName(name, "egress") }] as const);
  const to = names.map((name) => [name, { type: "jump", chain: endpointChainName(name, "ingress") }] as const);
  const spoofing = endpoints.filter(({ spoofable }) => spoofable.length > 0).map(({ interfaceName }) => interfaceName);
  const spoof = spoofing.map((name) => [name, { type: "jump", chain: spoofChainName(name) }] as const);
  const closed = refused.map((name) => [name, { type: "drop" }] as const);
  const fromMap = interfaceMap(dispatchNames.from, from);
  return [
    {
      name: dispatchNames.workloads,
      keyType: ["ifname"],
      isInterval: false,
      isVerdictMap: false,
      elements: interfaceMap("", [...from, ...closed]).elements.map(({ key }) => ({ key })),
    },
    fromMap,
    interfaceMap(dispatchNames.to, to),
    interfaceMap(dispatchNames.spoof, [...spoof, ...closed]),
  ];
}

function isKnownWorkload(way: "in" | "out", isNot = false): Expression[] {
  return [
    { type: "meta", key: way === "in" ? "inputName" : "outputName", register: 1 },
    { type: "lookup", set: dispatchNames.workloads, register: 1, isNot },
  ];
}
