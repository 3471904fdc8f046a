import fc from "fast-check";
import { type Cidr, type IpAddress, parseAddress, parseCidr } from "../../lib/index.ts";
import type {
  EntityRule,
  GlobalNetworkPolicy,
  GlobalNetworkSet,
  Namespace,
  NetworkPolicy,
  NetworkSet,
  PolicySpec,
  Profile,
  Resource,
  Rule,
  Tier,
  WorkloadEndpoint,
} from "../../resources/index.ts";
import type { Packet } from "../../nft/index.ts";

/** Random clusters, so small that rules, endpoints and packets often meet. */

export const here = "host-1";
const namespaces = ["blue", "red"];
const prefixes = ["10.0.0", "fd00:"];
const apiVersion = "projectcalico.org/v3";

export function address(text: string): IpAddress {
  return parseAddress(text)!;
}

export function cidr(text: string): Cidr {
  return parseCidr(text, { bare: true })!;
}

const addressText = (prefix: string, n: number) => (prefix.includes(":") ? `${prefix}:${n}` : `${prefix}.${n}`);

const nets4 = ["10.0.0.0/30", "10.0.0.4/32", "10.0.0.0/8", "0.0.0.0/0", "10.0.0.1/32", "192.0.2.0/24"].map(cidr);
const nets6 = ["fd00::/126", "fd00::4/128", "fd00::/16", "::/0", "fd00::1/128", "2001:db8::/32"].map(cidr);

const labels = fc.record(
  { role: fc.constantFrom("web", "db"), stage: fc.constantFrom("test", "live") },
  { requiredKeys: [] },
);

const selector = fc.constantFrom(
  "role == 'web'",
  "role != 'web'",
  "has(stage)",
  "all()",
  "role in {'db'} && stage == 'live'",
  "!has(role)",
);

const namespaceSelector = fc.constantFrom("all()", "global()", "color == 'blue'", "color != 'blue'", "has(color)");

const endpointPorts = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("http", "dns"),
    protocol: fc.constantFrom("TCP" as const, "UDP" as const),
    port: fc.constantFrom(53, 80, 8080),
  }),
  { maxLength: 3, selector: ({ name, protocol, port }) => `${name}${protocol}${port}` },
);

const netsOfOneVersion = fc
  .constantFrom(nets4, nets6)
  .chain((nets) => fc.uniqueArray(fc.constantFrom(...nets), { minLength: 1, maxLength: 5 }));

const narrowNets = fc
  .constantFrom(nets4, nets6)
  .chain((nets) =>
    fc.uniqueArray(fc.constantFrom(...nets.filter((net) => !net.endsWith("/0"))), { minLength: 1, maxLength: 5 }),
  );

const numbers = fc.constantFrom(53, 80, 8080, "50:60", "79:81");
const names = fc.constantFrom("http", "dns");

function entity(hasPorts: boolean, mayBeNumbers: boolean): fc.Arbitrary<EntityRule> {
  const ports = fc.array(mayBeNumbers ? fc.oneof(numbers, names) : names, { minLength: 1, maxLength: 3 });
  return fc.record(
    {
      nets: netsOfOneVersion,
      notNets: narrowNets,
      selector,
      notSelector: selector,
      namespaceSelector,
      ...(hasPorts ? { ports, notPorts: ports } : {}),
    },
    { requiredKeys: hasPorts ? ["ports", "selector"] : ["selector"] },
  );
}

/** Most rules have few members: otherwise no packet would ever match. */
function sparse(rule: fc.Arbitrary<EntityRule>): fc.Arbitrary<EntityRule> {
  const members: readonly (readonly (keyof EntityRule)[])[] = [
    [],
    [],
    ["nets"],
    ["notNets"],
    ["selector"],
    ["selector", "ports"],
    ["notSelector", "ports"],
    ["selector", "notPorts"],
    ["ports"],
    ["ports", "notPorts"],
    ["notSelector"],
    ["selector", "notSelector"],
    ["namespaceSelector"],
    ["namespaceSelector", "selector"],
    ["nets", "selector"],
    ["notNets", "ports"],
  ];
  return fc
    .tuple(rule, fc.constantFrom(...members))
    .map(([full, kept]) =>
      Object.fromEntries(kept.flatMap((key) => (full[key] === undefined ? [] : [[key, full[key]]]))),
    );
}

const action = fc.constantFrom(
  "Allow" as const,
  "Allow" as const,
  "Allow" as const,
  "Deny" as const,
  "Pass" as const,
  "Log" as const,
);
const icmpMatch = fc.record({ type: fc.constantFrom(8, 128, 3), code: fc.nat({ max: 1 }) }, { requiredKeys: ["type"] });

const rule: fc.Arbitrary<Rule> = fc.oneof(
  fc.record(
    {
      action,
      ipVersion: fc.constantFrom(4 as const, 6 as const),
      source: sparse(entity(true, false)),
      destination: sparse(entity(true, false)),
    },
    { requiredKeys: ["action"] },
  ),
  fc.record(
    {
      action,
      protocol: fc.constantFrom("TCP" as const, "UDP" as const),
      source: sparse(entity(true, true)),
      destination: sparse(entity(true, true)),
    },
    { requiredKeys: ["action", "protocol"] },
  ),
  fc.record(
    {
      action,
      protocol: fc.constantFrom("ICMP" as const, "ICMPv6" as const),
      icmp: icmpMatch,
      notICMP: icmpMatch,
      source: sparse(entity(false, false)),
    },
    { requiredKeys: ["action", "protocol"] },
  ),
  fc.record(
    {
      action,
      notProtocol: fc.constantFrom("TCP" as const, "ICMP" as const, 58, 47),
      notICMP: icmpMatch,
      destination: sparse(entity(false, false)),
    },
    { requiredKeys: ["action"] },
  ),
);

const rules = fc.array(rule, { maxLength: 3 });

const policySpec: fc.Arbitrary<PolicySpec> = fc.record(
  {
    tier: fc.constant("default"),
    order: fc.constantFrom(-1, 0, 10),
    selector,
    types: fc.constantFrom(["Ingress" as const], ["Egress" as const], ["Ingress" as const, "Egress" as const]),
    ingress: rules,
    egress: rules,
  },
  { requiredKeys: ["tier", "types"] },
);

const policyName = fc.constantFrom("a", "b", "a-x", "c");

const networkPolicy = fc.tuple(policyName, fc.constantFrom(...namespaces), policySpec).map(
  ([name, namespace, spec]): NetworkPolicy => ({
    apiVersion,
    kind: "NetworkPolicy",
    metadata: { name, namespace },
    spec,
  }),
);

const globalPolicy = fc
  .tuple(
    policyName,
    policySpec,
    fc.record(
      { namespaceSelector: fc.constantFrom("all()", "color == 'blue'", "color != 'blue'") },
      { requiredKeys: [] },
    ),
  )
  .map(
    ([name, spec, more]): GlobalNetworkPolicy => ({
      apiVersion,
      kind: "GlobalNetworkPolicy",
      metadata: { name },
      spec: { ...spec, ...more },
    }),
  );

function endpoint(n: number): fc.Arbitrary<WorkloadEndpoint> {
  return fc
    .record({
      namespace: fc.constantFrom(...namespaces),
      labels,
      ports: endpointPorts,
      // Some have an address of their neighbour too.
      isSharing: fc.integer({ max: 9, min: 0 }).map((dice) => dice === 0),
      profiles: fc.subarray(["own", "kns", "missing", "open"]),
    })
    .map(({ namespace, labels, ports, isSharing, profiles }): WorkloadEndpoint => {
      const numbersOfAddresses = isSharing ? [n, n + 1] : [n];
      return {
        apiVersion,
        kind: "WorkloadEndpoint",
        metadata: { name: `w${n}`, namespace, labels },
        spec: {
          node: n <= 3 ? here : "host-2",
          // One endpoint in a namespace of its own making: an interface that an orchestrator named.
          interfaceName: n === 3 ? "tap3" : `tt${n}`,
          mac: `02:00:00:00:00:0${n}`,
          ipNetworks: numbersOfAddresses.flatMap((i) => prefixes.map((prefix) => cidr(addressText(prefix, i)))),
          profiles: profiles.map((name) => (name === "kns" ? `kns.${namespace}` : name)),
          ports,
        },
      };
    });
}

const endpoints = fc.tuple(...[1, 2, 3, 4, 5].map(endpoint));

function networkSets(): fc.Arbitrary<(NetworkSet | GlobalNetworkSet)[]> {
  const nets = fc.uniqueArray(fc.constantFrom(...nets4, ...nets6), { maxLength: 4 });
  const own = fc.tuple(fc.constantFrom(...namespaces), labels, nets).map(
    ([namespace, labels, nets]): NetworkSet => ({
      apiVersion,
      kind: "NetworkSet",
      metadata: { name: "set", namespace, labels },
      spec: { nets },
    }),
  );
  const global = fc.tuple(labels, nets).map(
    ([labels, nets]): GlobalNetworkSet => ({
      apiVersion,
      kind: "GlobalNetworkSet",
      metadata: { name: "set", labels },
      spec: { nets },
    }),
  );
  return fc.array(fc.oneof(own, global), { maxLength: 2 });
}

function namespaceObjects(): fc.Arbitrary<Namespace[]> {
  return fc.subarray(namespaces).map((names) =>
    names.map((name) => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, ...(name === "blue" ? { labels: { color: "blue" } } : {}) },
      spec: {},
    })),
  );
}

function profileObjects(): fc.Arbitrary<Profile[]> {
  return fc.tuple(rules, rules, labels).map(([ingress, egress, labelsToApply]): Profile[] => [
    {
      apiVersion,
      kind: "Profile",
      metadata: { name: "own" },
      spec: { ingress, egress, labelsToApply },
    },
    {
      apiVersion,
      kind: "Profile",
      metadata: { name: "open" },
      spec: { ingress: [{ action: "Allow" }], egress: [{ action: "Allow" }] },
    },
  ]);
}

function tierObjects(): fc.Arbitrary<Tier[]> {
  const spec = fc.record({
    order: fc.constantFrom(1, 1000000, 2000000),
    defaultAction: fc.constantFrom("Deny" as const, "Pass" as const),
  });
  return fc.array(
    fc
      .tuple(fc.constantFrom("alpha", "omega"), spec)
      .map(([name, spec]): Tier => ({ apiVersion, kind: "Tier", metadata: { name }, spec })),
    { maxLength: 2 },
  );
}

/** Everything that policies depend on, each object once. */
export const cluster: fc.Arbitrary<Resource[]> = fc
  .tuple(
    endpoints,
    fc.array(fc.oneof(networkPolicy, globalPolicy), { maxLength: 5 }),
    networkSets(),
    namespaceObjects(),
    profileObjects(),
    tierObjects(),
  )
  .map((parts) => {
    const byKey = new Map<string, Resource>();
    for (const resource of parts.flat()) {
      byKey.set(`${resource.kind}/${resource.metadata.namespace}/${resource.metadata.name}`, resource);
    }
    return [...byKey.values()];
  });

const transport = fc.oneof(
  fc
    .tuple(fc.constantFrom(6, 17), fc.constantFrom(53, 55, 80, 8080, 40000), fc.constantFrom(53, 55, 80, 8080, 4789))
    .map(([protocol, from, to]) => ({ protocol, ports: [from, to] as const })),
  fc
    .tuple(fc.constantFrom(8, 3, 128, 135), fc.nat({ max: 1 }))
    .map(([type, code]) => ({ protocol: 1, icmp: { type, code } })),
  fc.constantFrom({ protocol: 47 }, { protocol: 4 }),
);

/** Crosses the host between its workloads, hosts elsewhere and the host itself. */
export const packet: fc.Arbitrary<Packet> = fc
  .record({
    prefix: fc.constantFrom(...prefixes),
    from: fc.integer({ min: 1, max: 7 }),
    to: fc.integer({ min: 0, max: 7 }),
    transport,
    state: fc.constantFrom(
      ...(["new", "new", "new", "new", "new", "new", "established", "related", "invalid", "untracked"] as const),
    ),
    isSourceReal: fc.integer({ min: 0, max: 9 }).map((dice) => dice > 0),
    isUnknownLink: fc.integer({ min: 0, max: 19 }).map((dice) => dice === 0),
  })
  .map(({ prefix, from, to, transport, state, isSourceReal, isUnknownLink }): Packet => {
    const isIpv6 = prefix.includes(":");
    const link = (n: number) => (n === 3 ? "tap3" : n < 3 ? `tt${n}` : isUnknownLink ? "tt9" : "eth0");
    return {
      source: address(addressText(prefix, from)),
      destination: address(addressText(prefix, to)),
      ...transport,
      protocol: transport.protocol === 1 && isIpv6 ? 58 : transport.protocol,
      state,
      inputName: link(from),
      ...(to === 0 ? {} : { outputName: link(to) }),
      isSourceReal,
    };
  });
