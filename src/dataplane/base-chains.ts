import type { HostSettings, LocalEndpoint } from "../calc/index.ts";
import {
  type Chain,
  type Expression,
  LivingSet,
  type NftSet,
  type Rule,
  type SetElement,
  addressIn,
  clearMark,
  counter,
  ctState,
  family,
  icmp,
  ifname,
  interfaceKey,
  makeRule,
  masquerade,
  port,
  protocol,
  reversePath,
  setMark,
  sourceOfInterfaceIn,
  testMark,
  unprivilegedSourcePort,
  verdict,
  verdictMap,
} from "../nft/index.ts";
import { chainNames, endpointChainName, spoofChainName } from "./chain-names.ts";
import { dispatchName } from "./host-chains.ts";
import { allMarks, marks } from "./marks.ts";
import { natSetName } from "./nat-sets.ts";
import { workloadPrefixes } from "./ownership.ts";
import { SourceSets, sourceSetName } from "./source-sets.ts";

/** Sets and maps that say which interfaces lead to workloads, and where their rules are. */
export const dispatchNames = {
  workloads: "workloads",
  from: "from-workload",
  to: "to-workload",
  spoof: "may-spoof",
  refused: "refused",
} as const;

/** What there is on this host beside workloads; without it the chains for it are not there either. */
export type BaseNeeds = {
  readonly settings: HostSettings;
  readonly hasHostEndpoints: boolean;
  readonly hasUntracked: boolean;
  readonly hasPreDnat: boolean;
  readonly hasNat: boolean;
  /** Interfaces of endpoints that are refused. */
  readonly hasRefused: boolean;
  /** Interfaces of workloads with names that an orchestrator chose: they are looked for in a set, which every packet pays for. */
  readonly hasOddNames: boolean;
};

const loopback = "lo";

/**
 * ```
 *  prerouting (raw) ── tt..., or a workload by another name ──> anti-spoof: a router's or DHCP server's word? drop
 *       │              its own source? accept ── unknown, or a forged source: drop
 *       │          ── else ──> host endpoint, untracked
 *       ├ (mangle) ── not from a workload ──> host endpoint, before DNAT
 *       ├─> forward: to an unknown tt...: drop ── of a connection that was let through: accept
 *       │            host endpoint, forward ── from/IF (egress rules) ── mark accepted ──> to/IF (ingress rules) ──> accept
 *       │            not accepted: drop ── else host endpoint, forward
 *       └─> input ── from a workload ──> workload-to-host: ND accept; from/IF; replies accept; then as the settings say
 *                └── else ──> host endpoint, normal
 *  output ── not to a workload ──> host endpoint: untracked (raw), normal
 *  postrouting (nat): from a pool that asks for it to outside of the pools: the host's address
 *
 *  What the host itself sends to its workloads passes no rules: a host reaches its own workloads.
 * ```
 * A packet of a known connection meets a few comparisons, and one search in a set at each end: for its source where it leaves
 * a workload, for the interface where it goes to one (docs/decisions/cost-of-a-packet.md).
 */
export function baseChains(needs: BaseNeeds): readonly Chain[] {
  const { settings, hasHostEndpoints } = needs;
  return [
    rawChain(needs),
    antiSpoofChain,
    impostorChain,
    ...(needs.hasPreDnat ? [preDnatChain(needs)] : []),
    forwardChain(needs),
    {
      name: chainNames.input,
      hook: { type: "filter", hook: "input", priority: 0, policy: "accept" },
      rules: [
        ...fromWorkload(needs, verdict({ goto: chainNames.toHost })),
        ...(hasHostEndpoints ? [makeRule([ifname("in", loopback), verdict("accept")]), jumpTo("in")] : []),
      ],
    },
    toHostChain(settings),
    ...(hasHostEndpoints ? [outputChain] : []),
    ...(needs.hasUntracked ? [rawOutputChain] : []),
    ...(needs.hasNat ? [natChain] : []),
  ];
}

function rawChain(needs: BaseNeeds): Chain {
  return {
    name: chainNames.raw,
    hook: { type: "filter", hook: "prerouting", priority: -300, policy: "accept" },
    rules: [
      ...fromWorkload(needs, verdict({ goto: chainNames.antiSpoof })),
      ...(needs.hasUntracked ? [jumpTo("raw-in")] : []),
    ],
  };
}

/** Does this with what comes from workloads, and from interfaces that are named like theirs and are unknown. */
function fromWorkload({ settings, hasOddNames }: BaseNeeds, action: Expression[]): Rule[] {
  return [
    ...workloadPrefixes(settings).map((prefix) => makeRule([ifname("in", prefix, { isPrefix: true }), action])),
    ...(hasOddNames ? [makeRule([isKnownWorkload("in"), action])] : []),
  ];
}

const protocols = { tcp: 6, udp: 17 } as const;

/** What only routers and DHCP servers say: from a workload it could lead others astray. */
const impostorChain: Chain = {
  name: chainNames.impostors,
  rules: [
    // Servers of both versions speak from ports below; nearly all other datagrams go no further.
    makeRule([protocol(protocols.udp), unprivilegedSourcePort(), verdict("return")]),
    ...(
      [
        [[protocol(protocols.udp), port("source", 67), port("destination", 68)], "DHCP server in a workload"],
        [[protocol(protocols.udp), port("source", 547), port("destination", 546)], "DHCPv6 server in a workload"],
        [[family(4), icmp(4, { type: 5 })], "redirect from a workload"],
        [[family(6), icmp(6, { type: 134 })], "router advertisement from a workload"],
        [[family(6), icmp(6, { type: 137 })], "redirect from a workload"],
      ] satisfies [Expression[][], string][]
    ).map(([tests, comment]) => makeRule([...tests, counter(), verdict("drop")], comment)),
  ],
};

const antiSpoofChain: Chain = {
  name: chainNames.antiSpoof,
  rules: [
    makeRule([protocol(protocols.tcp, { not: true }), verdict({ jump: chainNames.impostors })]),
    ...([4, 6] as const).map((version) =>
      makeRule([family(version), sourceOfInterfaceIn(version, sourceSetName(version)), verdict("accept")]),
    ),
    makeRule([isKnownWorkload("in", true), counter(), verdict("drop")], "unknown workload"),
    makeRule([verdictMap("in", dispatchNames.spoof)]),
    // Link-local sources, and addresses that several claim: each has a route to the interface it belongs to.
    makeRule([reversePath({ isMissing: true }), counter(), verdict("drop")], "forged source"),
  ],
};

function preDnatChain(needs: BaseNeeds): Chain {
  return {
    name: chainNames.preDnat,
    hook: { type: "filter", hook: "prerouting", priority: -150, policy: "accept" },
    rules: [
      makeRule([ifname("in", loopback), verdict("accept")]),
      ...fromWorkload(needs, verdict("accept")),
      jumpTo("pre-dnat"),
    ],
  };
}

const isNotFromWorkload = testMark(0, marks.fromWorkload);

function forwardChain(needs: BaseNeeds): Chain {
  const { settings, hasHostEndpoints, hasRefused } = needs;
  const ofOldConnection = ctState(["established", "related"]);
  const named = workloadPrefixes(settings).map((prefix) => ifname("out", prefix, { isPrefix: true }));
  const drop = [counter(), verdict("drop")];
  return {
    name: chainNames.forward,
    hook: { type: "filter", hook: "forward", priority: 0, policy: "accept" },
    rules: [
      ...(hasRefused
        ? [makeRule([isIn(dispatchNames.refused, "out"), ofOldConnection, ...drop], "workload without rules")]
        : []),
      // The name that was compared is still there to be looked up.
      ...named.map((isNamed) =>
        makeRule([isNamed, isLoadedIn(dispatchNames.workloads, true), ofOldConnection, ...drop], "unknown workload"),
      ),
      // What was let through once goes on: the chains behind would say so too, after many more looks. Connections of endpoints
      // that have gone are cut before anything leads to their addresses again.
      makeRule([ofOldConnection, verdict("accept")]),
      ...fromWorkload(needs, setMark(marks.fromWorkload, allMarks)),
      ...(hasHostEndpoints ? [makeRule([isNotFromWorkload, verdict({ jump: dispatchName("forward-in") })])] : []),
      makeRule([verdictMap("in", dispatchNames.from)]),
      // While an endpoint comes or goes it may be a known workload and yet have no rules.
      makeRule([testMark(marks.fromWorkload, marks.fromWorkload | marks.accepted), ...drop], "workload without rules"),
      makeRule([verdictMap("out", dispatchNames.to)]),
      ...named.map((isNamed) => makeRule([isNamed, ...drop], "unknown workload")),
      makeRule([isKnownWorkload("out"), ...drop], "workload without rules"),
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
      makeRule([clearMark(allMarks)]),
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
export class DispatchSets {
  readonly #workloads = new LivingSet(mapShape(dispatchNames.workloads, false));
  readonly #from = new LivingSet(mapShape(dispatchNames.from, true));
  readonly #to = new LivingSet(mapShape(dispatchNames.to, true));
  readonly #spoof = new LivingSet(mapShape(dispatchNames.spoof, true));
  readonly #refused = new LivingSet(mapShape(dispatchNames.refused, false));
  readonly #sources = new SourceSets();

  readonly #byInterface = [this.#workloads, this.#from, this.#to, this.#spoof, this.#refused] as const;

  put(endpoint: Pick<LocalEndpoint, "interfaceName" | "spoofable" | "addresses">): void {
    const { interfaceName, spoofable } = endpoint;
    const key = interfaceKey(interfaceName);
    this.#sources.put(endpoint);
    this.#refused.delete(key);
    const jump = (chain: string): SetElement => ({ key, verdict: { type: "jump", chain } });
    this.#workloads.put({ key });
    this.#from.put(jump(endpointChainName(interfaceName, "egress")));
    this.#to.put(jump(endpointChainName(interfaceName, "ingress")));
    if (spoofable.length > 0) this.#spoof.put(jump(spoofChainName(interfaceName)));
    else this.#spoof.delete(key);
  }

  refuse(interfaceName: string): void {
    const key = interfaceKey(interfaceName);
    this.#refused.put({ key });
    this.#workloads.put({ key });
    this.#from.delete(key);
    this.#to.delete(key);
    this.#spoof.put({ key, verdict: { type: "drop" } });
  }

  /** The sources of an endpoint that is another by now, or none. */
  forget(endpoint: Pick<LocalEndpoint, "interfaceName" | "addresses">): void {
    this.#sources.delete(endpoint);
  }

  delete(interfaceName: string): void {
    const key = interfaceKey(interfaceName);
    for (const set of this.#byInterface) set.delete(key);
  }

  nftSets(): NftSet[] {
    return [...this.#byInterface.map((set) => set.version()), ...this.#sources.nftSets()];
  }
}

function mapShape(name: string, isVerdictMap: boolean): ConstructorParameters<typeof LivingSet>[0] {
  return { name, keyType: ["ifname"], isInterval: false, isVerdictMap };
}

function isKnownWorkload(way: "in" | "out", isNot = false): Expression[] {
  return isIn(dispatchNames.workloads, way, isNot);
}

function isIn(set: string, way: "in" | "out", isNot = false): Expression[] {
  return [{ type: "meta", key: way === "in" ? "inputName" : "outputName", register: 1 }, ...isLoadedIn(set, isNot)];
}

/** Behind another test of the interface's name in the same rule. */
function isLoadedIn(set: string, isNot: boolean): Expression[] {
  return [{ type: "lookup", set, register: 1, isNot }];
}
