import type { LocalEndpoint } from "../calc/index.ts";
import {
  type Chain,
  type Expression,
  type NftSet,
  counter,
  ctState,
  icmp,
  family,
  ifname,
  interfaceMap,
  makeRule,
  reversePath,
  setMark,
  testMark,
  verdict,
  verdictMap,
} from "../nft/index.ts";
import { chainNames, endpointChainName } from "./chain-names.ts";
import { allMarks, marks } from "./marks.ts";
import { workloadPrefix } from "./ownership.ts";

/** Sets and maps that say which interfaces lead to workloads, and where their rules are. */
export const dispatchNames = { workloads: "workloads", from: "from-workload", to: "to-workload" } as const;

/**
 * ```
 *  prerouting (raw) ── from a workload ──> anti-spoof: forged source? drop
 *       │              unknown tt...: drop
 *       ├─> forward: from/IF (egress rules) ── mark accepted ──> to/IF (ingress rules) ──> accept
 *       │            not accepted: drop                          unknown tt...: drop
 *       └─> input ── from a workload ──> workload-to-host: ND accept; from/IF; replies accept; drop
 *
 *  What the host itself sends to its workloads passes no rules: a host reaches its own workloads.
 * ```
 */
export const baseChains: readonly Chain[] = [
  {
    name: chainNames.raw,
    hook: { type: "filter", hook: "prerouting", priority: -300, policy: "accept" },
    rules: [
      makeRule([isFromKnownWorkload(), verdict({ goto: chainNames.antiSpoof })]),
      makeRule([ifname("in", workloadPrefix, { isPrefix: true }), counter(), verdict("drop")], "unknown workload"),
    ],
  },
  {
    name: chainNames.antiSpoof,
    rules: [
      // Each address has a route of its own to the interface it belongs to, so a strict look back tells.
      makeRule([reversePath({ isMissing: true }), counter(), verdict("drop")], "forged source"),
      makeRule([setMark(marks.fromWorkload, allMarks)]),
    ],
  },
  {
    name: chainNames.forward,
    hook: { type: "filter", hook: "forward", priority: 0, policy: "accept" },
    rules: [
      makeRule([verdictMap("in", dispatchNames.from)]),
      // While an endpoint comes or goes it may be a known workload and yet have no rules.
      makeRule(
        [testMark(marks.fromWorkload, marks.fromWorkload | marks.accepted), counter(), verdict("drop")],
        "workload without rules",
      ),
      makeRule([verdictMap("out", dispatchNames.to)]),
      makeRule([ifname("out", workloadPrefix, { isPrefix: true }), counter(), verdict("drop")], "unknown workload"),
      makeRule([isToKnownWorkload(), counter(), verdict("drop")], "workload without rules"),
    ],
  },
  {
    name: chainNames.input,
    hook: { type: "filter", hook: "input", priority: 0, policy: "accept" },
    rules: [makeRule([isFromKnownWorkload(), verdict({ goto: chainNames.toHost })])],
  },
  {
    name: chainNames.toHost,
    rules: [
      // Without these a workload finds neither its gateway nor its own address free, whatever its rules say.
      ...[130, 131, 132, 133, 135, 136].map((type) => makeRule([family(6), icmp(6, { type }), verdict("accept")])),
      makeRule([verdictMap("in", dispatchNames.from)]),
      makeRule([testMark(0, marks.accepted), counter(), verdict("drop")], "workload without rules"),
      // Answers to what the host asked.
      makeRule([ctState(["established", "related"]), verdict("accept")]),
      makeRule([counter(), verdict("drop")], "workloads do not talk to their host"),
    ],
  },
];

/** Of endpoints that have an interface to themselves. */
export function dispatchSets(endpoints: readonly LocalEndpoint[]): NftSet[] {
  const names = endpoints.map(({ interfaceName }) => interfaceName);
  const from = names.map((name) => [name, { type: "jump", chain: endpointChainName(name, "egress") }] as const);
  const to = names.map((name) => [name, { type: "jump", chain: endpointChainName(name, "ingress") }] as const);
  const fromMap = interfaceMap(dispatchNames.from, from);
  return [
    {
      name: dispatchNames.workloads,
      keyType: ["ifname"],
      isInterval: false,
      isVerdictMap: false,
      elements: fromMap.elements.map(({ key }) => ({ key })),
    },
    fromMap,
    interfaceMap(dispatchNames.to, to),
  ];
}

function isFromKnownWorkload(): Expression[] {
  return isKnownWorkload("inputName");
}

function isToKnownWorkload(): Expression[] {
  return isKnownWorkload("outputName");
}

function isKnownWorkload(key: "inputName" | "outputName"): Expression[] {
  return [
    { type: "meta", key, register: 1 },
    { type: "lookup", set: dispatchNames.workloads, register: 1, isNot: false },
  ];
}
