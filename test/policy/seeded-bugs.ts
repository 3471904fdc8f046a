import type { SeededBug } from "./mutated-compiler.ts";
import { seededHostBugs } from "./seeded-host-bugs.ts";

/** Mistakes that somebody could make in the compiler one day. The comparison with the meaning has to notice every one. */
export const seededBugs: readonly SeededBug[] = [
  // Rules.
  {
    file: "dataplane/render-rule.ts",
    find: "if (first === undefined) return undefined;",
    replace: "if (first === undefined) return tests;",
    why: "a list without a net of the packet's version matches every address",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "if (nets.length === 0 || nets.some(",
    replace: "if (nets.some(",
    why: "exceptions of the other IP version do not rule a rule out",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "tests.push(addressIn(direction, version, this.#constantNets(version, nets), { not: true }));",
    replace: "tests.push(addressIn(direction, version, this.#constantNets(version, nets)));",
    why: "many exceptions are what is meant",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "tests.push(...nets.map((net) => address(direction, net, { not: true })));",
    replace: "tests.push(...nets.slice(1).map((net) => address(direction, net, { not: true })));",
    why: "the first of few exceptions is forgotten",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "memberSetName(entity.notInSet, version), { not: true }));",
    replace: "memberSetName(entity.notInSet, version)));",
    why: "notSelector picks instead of excluding",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "if (entity.inSet !== undefined) {",
    replace: 'if (entity.inSet !== undefined && direction === "source") {',
    why: "a destination's selector is not looked at",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "...named.map((id) => matchNamedPort(direction, version, id, true)),",
    replace: "...named.map((id) => matchNamedPort(direction, version, id, false)),",
    why: "names in notPorts are wanted",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "return [port(direction, first.first, first.last, { not })];",
    replace: "return [port(direction, first.first, Math.max(first.first, first.last - 1), { not })];",
    why: "the last port of a range is left out",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "ranges.map(({ first, last }) => ({ low: first, high: last })),",
    replace: "ranges.map(({ first, last }) => ({ low: first, high: Math.min(65535, last + 1) })),",
    why: "several ports are one port more",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "const alternatives: Tests[] = hasRanges ? [this.#ranges(direction, ranges, false)] : [];",
    replace:
      "const alternatives: Tests[] = hasRanges && inSets.length === 0 ? [this.#ranges(direction, ranges, false)] : [];",
    why: "numbers beside names of ports are forgotten",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "if (rule.ipVersion !== undefined && rule.ipVersion !== version) return [];",
    replace: "",
    why: "ipVersion is ignored",
  },
  {
    file: "dataplane/render-rule.ts",
    find: ": ([4, 6] as const).flatMap((version) => renderer.render(version));",
    replace: ": ([4] as const).flatMap((version) => renderer.render(version));",
    why: "a rule is written for IPv4 only",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "tests.push(protocol(notProtocol, { not: true }));",
    replace: "tests.push(protocol(notProtocol));",
    why: "notProtocol is the protocol",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "return [[matchIcmp(version, wanted, false)]];",
    replace: "return [[matchIcmp(version, { ...(wanted.type === undefined ? {} : { type: wanted.type }) }, false)]];",
    why: "the code of an ICMP match is not looked at",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "[matchIcmp(version, unwanted, true)]];",
    replace: "[matchIcmp(version, unwanted, false)]];",
    why: "notICMP wants what it excludes",
  },
  {
    file: "dataplane/render-rule.ts",
    find: "return [...(number === undefined ? otherProtocol : []),",
    replace: "return [",
    why: "notICMP excludes every other protocol",
  },
  // Actions.
  {
    file: "dataplane/rule-chains.ts",
    find: '[setMark(marks.passed), verdict("return")];',
    replace: '[verdict("return")];',
    why: "Pass only leaves its policy",
  },
  {
    file: "dataplane/rule-chains.ts",
    find: 'return policy.tier === "" ? [verdict("return")]',
    replace: 'return policy.tier === "" ? [verdict("drop")]',
    why: "Pass in a profile denies",
  },
  {
    file: "dataplane/rule-chains.ts",
    find: 'const allow: Expression[][] = [setMark(marks.accepted), verdict("return")];',
    replace: "const allow: Expression[][] = [setMark(marks.accepted)];",
    why: "rules behind an Allow are still asked",
  },
  {
    file: "dataplane/rule-chains.ts",
    find: "log({ prefix: prefix.slice(0, 127) }),",
    replace: 'log({ prefix: prefix.slice(0, 127) }), verdict("return"),',
    why: "Log ends its policy",
  },
  {
    file: "dataplane/rule-chains.ts",
    find: "const rules = policy[direction].flatMap(",
    replace: "const rules = policy.ingress.flatMap(",
    why: "ingress rules are asked about both directions",
  },
  {
    file: "dataplane/rule-chains.ts",
    find: '[reject()] : [verdict("drop")];',
    replace: '[reject()] : [verdict("return")];',
    why: "Deny only leaves its policy",
  },
  // Tiers and profiles.
  {
    file: "dataplane/tier-rules.ts",
    find: '...(tier.defaultAction === "Pass"',
    replace: "...(tier.defaultAction !== undefined",
    why: "tiers end without a drop",
  },
  {
    file: "dataplane/tier-rules.ts",
    find: '...(tier.defaultAction === "Pass"',
    replace: "...(tier.defaultAction === undefined",
    why: "every tier denies what it does not decide",
  },
  {
    file: "dataplane/tier-rules.ts",
    find: "...(i === 0 ? [] : [makeRule([clearMark(marks.passed)])]),",
    replace: "",
    why: "what was passed once is passed by every tier",
  },
  {
    file: "dataplane/tier-rules.ts",
    find: ".filter((tier) => tier[direction].length > 0)",
    replace: "",
    why: "tiers deny in directions that none of their policies speaks of",
  },
  {
    file: "dataplane/tier-rules.ts",
    find: "const isUndecided: Expression[] = testMark(0, verdictMarks);",
    replace: "const isUndecided: Expression[] = testMark(0, marks.accepted);",
    why: "policies behind a Pass are still asked",
  },
  {
    file: "dataplane/tier-rules.ts",
    find: "return profileIds.flatMap((id) =>",
    replace: "return profileIds.toReversed().flatMap((id) =>",
    why: "profiles are asked from the last to the first",
  },
  {
    file: "dataplane/tier-rules.ts",
    find: "return makeRule([testMark(marks.accepted), ...onAllowed]);",
    replace: "return makeRule([testMark(marks.accepted, verdictMarks), ...onAllowed]);",
    why: "no profile can allow what the last tier passed",
  },
  // Workloads.
  {
    file: "dataplane/endpoint-chains.ts",
    find: 'ctState(["established", "related"]),',
    replace: 'ctState(["established"]),',
    why: "errors of known connections are asked about",
  },
  {
    file: "dataplane/endpoint-chains.ts",
    find: "[testMark(0, marks.accepted)] : [];",
    replace: "[testMark(0, marks.passed)] : [];",
    why: "what the rules of a workload allow it to send is dropped behind them",
  },
  {
    file: "dataplane/endpoint-chains.ts",
    find: "...(settings.isInvalidDropped ? [makeRule(",
    replace: "...(!settings.isInvalidDropped ? [makeRule(",
    why: "invalid packets are dropped where they should not be, and the other way round",
  },
  {
    file: "dataplane/endpoint-chains.ts",
    find: "makeRule([clearMark(verdictMarks)]),",
    replace: "",
    why: "the receiver takes the sender's verdict for its own",
  },
  {
    file: "dataplane/endpoint-chains.ts",
    find: '...(direction === "egress" ? refuseTunnels(settings) : []),',
    replace: '...(direction === "ingress" ? refuseTunnels(settings) : []),',
    why: "tunnels are refused on the way in",
  },
  {
    file: "dataplane/endpoint-chains.ts",
    find: 'port("destination", vxlanPort)',
    replace: 'port("source", vxlanPort)',
    why: "VXLAN is told by its source port",
  },
  {
    file: "dataplane/endpoint-chains.ts",
    find: "...(mayTunnelIpIp ? [] : [refuse(",
    replace: "...(mayTunnelVxlan ? [] : [refuse(",
    why: "leave for VXLAN is leave for IP in IP",
  },
  {
    file: "dataplane/endpoint-chains.ts",
    find: 'address("source", net),',
    replace: 'address("destination", net),',
    why: "sources that may be used are looked for in the destination",
  },
  {
    file: "dataplane/endpoint-chains.ts",
    find: "...tierRules(tiers, context),\n      ...profileRules(profileIds, context),",
    replace: "...profileRules(profileIds, context),\n      ...tierRules(tiers, context),",
    why: "profiles come before tiers",
  },
  {
    file: "dataplane/shared-chains.ts",
    find: "const profiles = JSON.stringify(profileIds);",
    replace: 'const profiles = "";',
    why: "endpoints that differ in their profiles alone are taken for alike",
  },
  {
    file: "dataplane/endpoint-chooser.ts",
    find: "compareTexts(endpoint.id, holder.id) < 0",
    replace: "compareTexts(endpoint.id, holder.id) > 0",
    why: "of two endpoints with one interface the last has it",
  },
  {
    file: "dataplane/endpoint-chooser.ts",
    find: "active: this.#active.list(), refused };",
    replace: "active: this.#active.list(), refused: [] };",
    why: "the interface of a refused endpoint is like any other",
  },
  ...seededHostBugs,
  // What is worked out from the resources.
  {
    file: "calc/tiers.ts",
    find: "return orderA === orderB ? compareTexts(a, b) : orderA < orderB ? -1 : 1;",
    replace: "return orderA === orderB ? compareTexts(a, b) : orderA < orderB ? 1 : -1;",
    why: "tiers are asked from the last to the first",
  },
  {
    file: "calc/tiers.ts",
    find: 'defaultAction ?? "Deny";',
    replace: 'defaultAction ?? "Pass";',
    why: "a tier that is missing passes",
  },
  {
    file: "calc/tiers.ts",
    find: "?.order ?? Number.POSITIVE_INFINITY;",
    replace: "?.order ?? Number.NEGATIVE_INFINITY;",
    why: "a tier that is missing comes first",
  },
  {
    file: "calc/tiers.ts",
    find: "sorted.filter(([, { spec }]) => spec.types.includes(type)).map(([key]) => key);",
    replace: "sorted.map(([key]) => key);",
    why: "policies capture directions that they do not name",
  },
  {
    file: "calc/policy.ts",
    find: "return policy.spec.order ?? Number.POSITIVE_INFINITY;",
    replace: "return policy.spec.order ?? 0;",
    why: "a policy without an order is of order 0",
  },
  {
    file: "calc/policy.ts",
    find: 'return key.split("/").toReversed().join("/");',
    replace: "return key;",
    why: "policies of one order are sorted by their kinds",
  },
  {
    file: "calc/policy.ts",
    find: 'return policy.kind === "GlobalNetworkPolicy" && policy.spec.applyOnForward === true;',
    replace: 'return policy.kind === "GlobalNetworkPolicy";',
    why: "every policy is for what passes through",
  },
  {
    file: "calc/policy.ts",
    find: 'return placeOf(policy) === "normal" ? policySubject(policy) : undefined;',
    replace: "return policySubject(policy);",
    why: "untracked policies reach workloads",
  },
  {
    file: "calc/endpoints.ts",
    find: 'return tiers.map((tier) => ({ ...tier, defaultAction: "Pass" }));',
    replace: "return [...tiers];",
    why: "tiers of untracked policies have an end",
  },
  {
    file: "calc/endpoints.ts",
    find: "!label.startsWith(namespacePrefix) &&",
    replace: "",
    why: "a label is enough to be in a namespace",
  },
  {
    file: "calc/translate-rule.ts",
    find: 'selectorUid(selector)},${number ?? ""},${portName}`);\n    this.sets.set(id, { type: "ports", selector, portName, ...(number === undefined ? {} : { protocol: number }) });',
    replace:
      'selectorUid(selector)},${number ?? ""},${portName}`);\n    this.sets.set(id, { type: "ports", selector, portName, protocol: 6 });',
    why: "named ports are those of TCP",
  },
  {
    file: "calc/translate-rule.ts",
    find: "ports.every((port) => readPort(port).type",
    replace: "ports.some((port) => readPort(port).type",
    why: "a name beside numbers makes the selector forgotten",
  },
  {
    file: "calc/translate-rule.ts",
    find: "if (notSelector === undefined) return { selector };",
    replace: "if (selector !== undefined) return { selector };",
    why: "notSelector beside a selector is forgotten",
  },
  {
    file: "calc/translate-rule.ts",
    find: 'if (services !== undefined && rule.action !== "Deny") return',
    replace: 'if (services !== undefined && rule.action === "Pass") return',
    why: "a rule for a service is a rule for everybody",
  },
  {
    file: "calc/active-rules.ts",
    find: 'source.kind === "NetworkPolicy" ? source.metadata.namespace : undefined',
    replace: 'source.kind === "Profile" ? source.metadata.namespace : undefined',
    why: "selectors of a namespace's policy select in every namespace",
  },
  {
    file: "calc/member-sets.ts",
    find: `(definition.protocol ?? protocol) !== protocol) continue;
    for (const net of item.nets) {
      members.set(\`\${net} \${protocol} \${port}\`, { address: cidrAddress(net), protocol, port });`,
    replace: `false) continue;
    for (const net of item.nets) {
      const spoken = definition.protocol ?? protocol;
      members.set(\`\${net} \${spoken} \${port}\`, { address: cidrAddress(net), protocol: spoken, port });`,
    why: "a named port ignores the protocol it is offered for",
  },
  {
    file: "calc/settings.ts",
    find: "...layers.map((layer) => layer?.spec)",
    replace: "...layers.toReversed().map((layer) => layer?.spec)",
    why: "the settings of all win over those of the node",
  },
  {
    file: "calc/settings.ts",
    find: 'canSpoof: spec.workloadSourceSpoofing === "Any",',
    replace: "canSpoof: true,",
    why: "workloads may use other sources without leave",
  },
  {
    file: "calc/profiles.ts",
    find: "const builtIn = name === defaultAllowProfile.metadata.name ? defaultAllowProfile : undefined;",
    replace: "const builtIn = undefined;",
    why: "the built-in profile is not there",
  },
  {
    file: "selector/translate-selector.ts",
    find: 'if (atom.type === "all") return hasNamespace;',
    replace: "",
    why: "all namespaces are the hosts too",
  },
  {
    file: "selector/translate-selector.ts",
    find: 'if (atom.type === "global") return { type: "not", operand: hasNamespace };',
    replace: "",
    why: "what is in no namespace is everything",
  },
  {
    file: "selector/translate-selector.ts",
    find: "} else if (policyNamespace !== undefined && (selector ?? notSelector ?? serviceAccounts) !== undefined) {",
    replace: "} else if (policyNamespace !== undefined && selector !== undefined) {",
    why: "notSelector alone is not kept within its namespace",
  },
  // Values of the kernel.
  {
    file: "nft/matches.ts",
    find: "const portOffset = { source: 0, destination: 2 } as const;",
    replace: "const portOffset = { source: 2, destination: 0 } as const;",
    why: "source and destination ports are exchanged",
  },
  {
    file: "nft/matches.ts",
    find: "const mask = bytes.map((_, i) => 0xff00 >> Math.min(8, Math.max(0, bits - 8 * i)));",
    replace: "const mask = bytes.map((_, i) => 0xff00 >> Math.min(8, Math.max(0, bits + 1 - 8 * i)));",
    why: "a prefix is one bit too long",
  },
  {
    file: "nft/sets.ts",
    find: "octet | (0xff >> Math.min(8, Math.max(0, bits - 8 * i))));",
    replace: "octet | (0xff >> Math.min(8, Math.max(0, bits + 1 - 8 * i))));",
    why: "a prefix in a set is half as large",
  },
  {
    file: "nft/intervals.ts",
    find: "else if (interval.last > before.last) merged[",
    replace: "else merged[",
    why: "a small range cuts the large one that it lies in",
  },
  // Kubernetes' policies.
  {
    file: "resources/convert-network-policy.ts",
    find: "return { nets: [net], ...(own.length === 0 ? {} : { notNets: own }) };",
    replace: "return { nets: [net] };",
    why: "exceptions of an ipBlock are forgotten",
  },
  {
    file: "resources/convert-network-policy.ts",
    find: 'if (policyTypes.length === 0) return ["Ingress"];',
    replace: 'if (policyTypes.length === 0) return ["Ingress", "Egress"];',
    why: "a policy without types isolates in both directions",
  },
  {
    file: "resources/convert-network-policy.ts",
    find: "if (entries.length < ports.length || entities.length < peers.length) return undefined;",
    replace: "",
    why: "a rule with a bad port allows every port",
  },
  {
    file: "resources/convert-cluster-network-policy.ts",
    find: 'return action === "Deny" || action === "Pass" ? [{ action: "Deny" }] : [];',
    replace: 'return action === "Deny" ? [{ action: "Deny" }] : [];',
    why: "a Pass that cannot be read is left out",
  },
  {
    file: "resources/convert-cluster-network-policy.ts",
    find: "order: policy.spec.priority ?? 0,",
    replace: "order: policy.spec.priority ?? 1000,",
    why: "a policy without a priority comes last",
  },
  {
    file: "resources/convert-ports.ts",
    find: "ports: ports.length < group.length ? undefined : simplifyPorts(ports)",
    replace: "ports: ports.length === 0 ? undefined : simplifyPorts(ports)",
    why: "an entry without a port does not stand for all ports",
  },
];
