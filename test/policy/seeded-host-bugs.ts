import type { SeededBug } from "./mutated-compiler.ts";

/** Those in what the host itself does with packets: its base chains and its own endpoints. */
export const seededHostBugs: readonly SeededBug[] = [
  // The way through the host.
  {
    file: "dataplane/base-chains.ts",
    find: 'makeRule([reversePath({ isMissing: true }), counter(), verdict("drop")], "forged source"),',
    replace: "",
    why: "nobody looks whether a source is forged",
  },
  {
    file: "dataplane/base-chains.ts",
    find: 'makeRule([isKnownWorkload("in", true), counter(), verdict("drop")], "unknown workload"),',
    replace: "",
    why: "an unknown workload may send",
  },
  {
    file: "dataplane/base-chains.ts",
    find: '...workloadPrefixes(settings).map((prefix) => makeRule([ifname("in", prefix, { isPrefix: true }), action])),',
    replace: "",
    why: "interfaces with our prefix are like any other",
  },
  {
    file: "dataplane/base-chains.ts",
    find: '...(hasOddNames ? [makeRule([isKnownWorkload("in"), action])] : []),',
    replace: "",
    why: "a workload by another name is none",
  },
  {
    file: "dataplane/policy-table.ts",
    find: "const isOdd = (name: string) => !prefixes.some((prefix) => name.startsWith(prefix));",
    replace: "const isOdd = (name: string) => prefixes.includes(name);",
    why: "nobody notices that a workload has another name",
  },
  {
    file: "dataplane/base-chains.ts",
    find: "...fromWorkload(needs, setMark(marks.fromWorkload, allMarks)),",
    replace: "",
    why: "what a workload sends through passes for somebody else's",
  },
  {
    file: "dataplane/base-chains.ts",
    find: '...fromWorkload(needs, verdict("accept")),',
    replace: "",
    why: "the endpoint of the rest is asked about workloads before address translation",
  },
  {
    file: "dataplane/base-chains.ts",
    find: '...named.map((isNamed) => makeRule([isNamed, ...drop], "unknown workload")),',
    replace: "",
    why: "an unknown workload may receive",
  },
  {
    file: "dataplane/base-chains.ts",
    find: 'makeRule([isNamed, isLoadedIn(dispatchNames.workloads, true), ofOldConnection, ...drop], "unknown workload"),',
    replace:
      'makeRule([isNamed, isLoadedIn(dispatchNames.workloads, true), ofOldConnection, counter()], "unknown workload"),',
    why: "an unknown workload may receive what goes on",
  },
  {
    file: "dataplane/base-chains.ts",
    find: "...(hasRefused",
    replace: "...(false",
    why: "a refused workload may receive what goes on",
  },
  {
    file: "dataplane/base-chains.ts",
    find: "makeRule([protocol(protocols.tcp, { not: true }), verdict({ jump: chainNames.impostors })]),",
    replace: "",
    why: "nobody looks for impostors",
  },
  {
    file: "dataplane/base-chains.ts",
    find: "makeRule([protocol(protocols.tcp, { not: true }),",
    replace: "makeRule([protocol(protocols.udp, { not: true }),",
    why: "nobody looks for impostors among datagrams",
  },
  {
    file: "dataplane/base-chains.ts",
    find: '[[protocol(protocols.udp), port("source", 547), port("destination", 546)], "DHCPv6 server in a workload"],',
    replace: "",
    why: "a workload may serve DHCPv6",
  },
  {
    file: "nft/matches.ts",
    find: 'mask: "fc000000", xor',
    replace: 'mask: "fff00000", xor',
    why: "ports from 16 on are taken for those that anybody may use",
  },
  {
    file: "dataplane/source-sets.ts",
    find: "if (names.size === 0) this.#claims.delete(address);",
    replace:
      "for (const name of names) set.put(interfaceAddressElement(name, address));\n    if (names.size === 0) this.#claims.delete(address);",
    why: "an address that two workloads claim is both's",
  },
  {
    file: "dataplane/source-sets.ts",
    find: "for (const name of only()) set.put(interfaceAddressElement(name, address));",
    replace: 'for (const _ of only()) set.put(interfaceAddressElement("tt2", address));',
    why: "sources belong to another interface",
  },
  {
    file: "dataplane/base-chains.ts",
    find: "...[130, 131, 132, 133, 135, 136].map(",
    replace: "...[130, 131, 132, 133, 136].map(",
    why: "a workload does not find its gateway",
  },
  {
    file: "dataplane/base-chains.ts",
    find: 'makeRule([ctState(["established", "related"]), verdict("accept")]),',
    replace: "",
    why: "workloads cannot answer their host",
  },
  {
    file: "dataplane/base-chains.ts",
    find: 'endpointToHostAction === "Drop"',
    replace: 'endpointToHostAction !== "Accept"',
    why: "RETURN drops",
  },
  {
    file: "dataplane/base-chains.ts",
    find: '[[family(6), icmp(6, { type: 134 })], "router advertisement from a workload"],',
    replace: "",
    why: "a workload may pass for a router",
  },
  {
    file: "dataplane/base-chains.ts",
    find: '[makeRule([isNotFromWorkload, verdict({ jump: dispatchName("forward-in") })])]',
    replace: '[makeRule([verdict({ jump: dispatchName("forward-in") })])]',
    why: "the endpoint of the rest is asked about workloads",
  },
  {
    file: "dataplane/base-chains.ts",
    find: '...(hasHostEndpoints ? [jumpTo("forward-out")] : []),',
    replace: "",
    why: "what leaves the host again is not asked about",
  },
  {
    file: "dataplane/base-chains.ts",
    find: 'makeRule([isKnownWorkload("out"), verdict("accept")]),',
    replace: "",
    why: "a host does not reach its own workloads",
  },
  {
    file: "dataplane/base-chains.ts",
    find: 'makeRule([ifname("in", loopback), verdict("accept")]),\n      ...fromWorkload(needs',
    replace: "...fromWorkload(needs",
    why: "the host is asked about packets to itself",
  },
  // Host endpoints.
  {
    file: "dataplane/host-chains.ts",
    find: 'const ports = direction === "ingress" ?',
    replace: 'const ports = direction === "egress" ?',
    why: "failsafe ports of the two directions are exchanged",
  },
  {
    file: "dataplane/host-chains.ts",
    find: 'const remote = direction === "ingress" ? "source" : "destination";',
    replace: 'const remote = direction === "ingress" ? "destination" : "source";',
    why: "a failsafe port is open for the wrong end's prefix",
  },
  {
    file: "dataplane/host-chains.ts",
    find: 'const answers = direction === "ingress" ? settings.failsafeOutbound : settings.failsafeInbound;',
    replace: 'const answers = direction === "ingress" ? settings.failsafeInbound : settings.failsafeOutbound;',
    why: "answers of failsafe ports are asked about where nothing is tracked",
  },
  {
    file: "dataplane/host-chains.ts",
    find: "...tierRules(endpoint.forward, context),",
    replace: "...tierRules(endpoint.forward, context), makeRule(deny(settings)),",
    why: "what all tiers pass on forward is dropped",
  },
  {
    file: "dataplane/host-chains.ts",
    find: "...tierRules(endpoint.forward, context),",
    replace: "...tierRules(endpoint.normal, context),",
    why: "policies that do not ask for it are asked about what passes through",
  },
  {
    file: "dataplane/host-chains.ts",
    find: "      rules: [\n        makeRule([verdictMap(way, dispatchName(place))]),\n        ...(hasRest ? [makeRule([verdict({ goto: hostChainName(place, rest.name) })])] : []),",
    replace:
      "      rules: [\n        ...(hasRest ? [makeRule([verdict({ goto: hostChainName(place, rest.name) })])] : []),\n        makeRule([verdictMap(way, dispatchName(place))]),",
    why: "the endpoint of the rest wins over one that names the interface",
  },
  {
    file: "dataplane/host-chains.ts",
    find: 'const hasRest = rest !== undefined && place !== "raw-in" && place !== "raw-out";',
    replace: "const hasRest = rest !== undefined;",
    why: "untracked policies of the endpoint of the rest are heeded",
  },
  {
    file: "dataplane/host-chains.ts",
    find: "makeRule([counter(), ...deny(settings)], `${endpoint.id} ${direction}: nothing allows it`),",
    replace: "",
    why: "a host is open where nothing is said",
  },
  {
    file: "dataplane/host-chains.ts",
    find: 'const letThrough = [setMark(marks.untracked, allMarks), notrack(), verdict("accept")];',
    replace: 'const letThrough = [notrack(), verdict("accept")];',
    why: "what is allowed before tracking is asked about again",
  },
  {
    file: "dataplane/host-chains.ts",
    find: '...stateRules(settings, "return"),\n    ...failsafeRules(settings, "ingress", "return"),',
    replace: '...failsafeRules(settings, "ingress", "return"),',
    why: "known connections are asked about before address translation",
  },
  {
    file: "dataplane/host-chains.ts",
    find: '...vitalIcmp6.map((type) => makeRule([family(6), icmp(6, { type }), verdict("accept")])),',
    replace: "",
    why: "a host does not find its neighbours",
  },
  {
    file: "dataplane/host-interfaces.ts",
    find: "&& !named.has(name)) named.set(name, endpoint);",
    replace: ") named.set(name, endpoint);",
    why: "an endpoint that expects an address wins over one that names the interface",
  },
];
