import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Json,
  assertAccepted,
  assertInvalid,
  assertRefused,
  assertUnsupported,
  decoded,
  repeat,
} from "./testing/decode-cases.ts";

const withRule = (rule: Json): Json => ({ ingress: [{ action: "Allow", ...rule }] });
const source = (entity: Json, rule: Json = {}): Json => withRule({ ...rule, source: entity });
const refuse = (cases: readonly (readonly [Json, ...string[]])[]) =>
  assertRefused(
    "NetworkPolicy",
    cases.map(([spec, ...paths]) => [spec, ...paths.map((path) => `ingress[0]${path}`)] as const),
  );
const accept = (specs: readonly Json[]) => assertAccepted("NetworkPolicy", specs);

test("an action is one of four words", () => {
  accept(["Allow", "Deny", "Log", "Pass"].map((action) => withRule({ action })));
  refuse([
    [withRule({ action: "allow" }), ".action"],
    [withRule({ action: "" }), ".action"],
    [withRule({ action: null }), ".action"],
    [withRule({ action: 1 }), ".action"],
  ]);
});

test("protocols are names in exact case or numbers from 1 to 255", () => {
  accept(["TCP", "UDP", "ICMP", "ICMPv6", "SCTP", "UDPLite", 1, 255, "6"].map((protocol) => withRule({ protocol })));
  accept([withRule({ notProtocol: "UDP" })]);
  refuse([
    ...["tcp", "", "IGMP", 0, 256, "256", "0", -1, 1.5, true, [6]].map((protocol): [Json, string] => [
      withRule({ protocol }),
      ".protocol",
    ]),
    [withRule({ notProtocol: 0 }), ".notProtocol"],
  ]);
  assert.equal(decoded("NetworkPolicy", withRule({ protocol: "006" })).spec.ingress?.[0]?.protocol, 6);
});

test("ports are numbers, ranges and names", () => {
  const ports = (list: unknown[]) => withRule({ protocol: "TCP", destination: { ports: list } });
  const read = decoded("NetworkPolicy", ports([1, 65535, "80", "0443", "1:65535", "8:8", "08:09", "http-2", "a"]));
  assert.deepEqual(read.spec.ingress?.[0]?.destination?.ports, [1, 65535, 80, 443, "1:65535", 8, "8:9", "http-2", "a"]);
  const wrong = [
    0,
    65536,
    -1,
    1.5,
    "0",
    "65536",
    "0:5",
    "1:65536",
    "9:8",
    "1-5",
    "1:2:3",
    ":",
    "1:",
    "",
    "HTTP",
    "a--b",
    "-a",
    "a-",
    "a_b",
    "12-3",
    "sixteen-letters-",
    "abcdefghijklmnop",
    null,
    {},
    true,
  ];
  for (const port of wrong) refuse([[ports([80, port]), ".destination.ports[1]"]]);
  accept([ports(["abcdefghijklmno"]), ports(repeat(50, (at) => at + 1))]);
  refuse([[ports(repeat(51, (at) => at + 1)), ".destination.ports"]]);
  refuse([[withRule({ protocol: "TCP", source: { notPorts: repeat(51, (at) => at + 1) } }), ".source.notPorts"]]);
});

test("port numbers need a protocol that has ports; port names need none", () => {
  for (const protocol of ["TCP", "UDP", "SCTP", 6, "17", 132]) accept([source({ ports: [80, "http"] }, { protocol })]);
  accept([source({ ports: ["http"], notPorts: ["ssh"] }), source({ ports: [] }, { protocol: "ICMP" })]);
  refuse([
    [source({ ports: ["http", 80] }), ".source.ports[1]"],
    [source({ notPorts: ["1:2"] }), ".source.notPorts[0]"],
    [source({ ports: [80] }, { notProtocol: "TCP" }), ".source.ports[0]"],
    ...["ICMP", "UDPLite", 136, 50].flatMap((protocol): [Json, string][] => [
      [source({ ports: [80] }, { protocol }), ".source.ports"],
      [source({ notPorts: ["http"] }, { protocol }), ".source.notPorts"],
    ]),
  ]);
});

test("ICMP matches have a range, and need an ICMP protocol unless negated", () => {
  for (const protocol of ["ICMP", "ICMPv6", 1, "58"]) {
    accept([
      withRule({ protocol, icmp: { type: 0, code: 0 } }),
      withRule({ protocol, icmp: { type: 254, code: 255 } }),
    ]);
    accept([withRule({ protocol, icmp: {} })]);
  }
  accept([withRule({ notICMP: { type: 8 } }), withRule({ protocol: "TCP", notICMP: {} })]);
  refuse([
    [withRule({ protocol: "ICMP", icmp: { type: 255 } }), ".icmp.type"],
    [withRule({ protocol: "ICMP", icmp: { type: 3, code: 256 } }), ".icmp.code"],
    [withRule({ protocol: "ICMP", icmp: { type: -1 } }), ".icmp.type"],
    [withRule({ protocol: "ICMP", icmp: { type: "8" } }), ".icmp.type"],
    [withRule({ protocol: "ICMP", icmp: { code: 1 } }), ".icmp"],
    [withRule({ notICMP: { code: 1 } }), ".notICMP"],
    [withRule({ icmp: {} }), ".icmp"],
    [withRule({ protocol: "TCP", icmp: { type: 8 } }), ".icmp"],
  ]);
});

test("an IP version agrees with protocols and prefixes", () => {
  accept([
    withRule({ ipVersion: 4, protocol: "ICMP" }),
    withRule({ ipVersion: 6, notProtocol: 58 }),
    withRule({ protocol: "ICMP", source: { nets: ["2001:db8::/32"] } }),
    source({ nets: ["10.0.0.0/8"] }, { ipVersion: 4 }),
  ]);
  refuse([
    [withRule({ ipVersion: 0 }), ".ipVersion"],
    [withRule({ ipVersion: 5 }), ".ipVersion"],
    [withRule({ ipVersion: "4" }), ".ipVersion"],
    [withRule({ ipVersion: 6, protocol: "ICMP" }), ".protocol"],
    [withRule({ ipVersion: 6, notProtocol: 1 }), ".notProtocol"],
    [withRule({ ipVersion: 4, protocol: "58" }), ".protocol"],
    [source({ notNets: ["10.0.0.0/8"] }, { ipVersion: 6 }), ".source.notNets[0]"],
    [source({ nets: ["fd00::/8"] }, { ipVersion: 4 }), ".source.nets[0]"],
  ]);
});

test("nets of a rule are masked prefixes of one family, without repeats", () => {
  const nets = decoded("NetworkPolicy", source({ nets: ["2001:DB8:0::/48", "2001:db8::/48", "::/0"] })).spec
    .ingress?.[0]?.source?.nets;
  assert.deepEqual(nets, ["2001:db8::/48", "::/0"]);
  accept([source({ nets: ["0.0.0.0/0"] }), source({ nets: repeat(256, (at) => `10.0.${at}.0/24`) })]);
  refuse([
    ...[
      "10.0.0.1",
      "10.0.0.1/8",
      "10.0.0.0/33",
      "10.0.0.0/08",
      "010.0.0.0/8",
      "10.0.0/8",
      "fe80::%eth0/64",
      "",
      "x",
    ].map((net): [Json, string] => [source({ nets: [net] }), ".source.nets[0]"]),
    [source({ nets: repeat(257, (at) => `10.${at >> 8}.${at & 255}.0/24`) }), ".source.nets"],
    [source({ nets: ["10.0.0.0/8", "10.0.0.0/8"] }), ".source.nets[1]"],
    [source({ nets: ["10.0.0.0/8", "fd00::/8"] }), ".source.nets[1]"],
    [withRule({ source: { notNets: ["10.0.0.0/8"] }, destination: { nets: ["fd00::/8"] } }), ".destination.nets[0]"],
    ...["0.0.0.0/0", "::/0", "0:0::0/0", "::ffff:0:0/96"].map((net): [Json, string] => [
      source({ notNets: [net] }),
      ".source.notNets[0]",
    ]),
    [source({ nets: "10.0.0.0/8" }), ".source.nets"],
  ]);
});

test("selectors of a rule parse, have 1024 characters at most, and global() only alone in the namespaceSelector", () => {
  const long = (length: number) => `a == '${"x".repeat(length - 7)}'`;
  accept([
    source({ selector: long(1024), notSelector: "", namespaceSelector: " global( ) " }),
    source({ selector: `a == '${"\u{1F408}".repeat(1017)}'` }),
    source({ serviceAccounts: { names: ["a", "b"], selector: "has(x)" } }),
    source({ serviceAccounts: {} }),
  ]);
  refuse([
    [source({ selector: long(1025) }), ".source.selector"],
    [source({ notSelector: long(1025) }), ".source.notSelector"],
    [source({ namespaceSelector: long(1025) }), ".source.namespaceSelector"],
    [source({ selector: "a == b" }), ".source.selector"],
    [source({ selector: 5 }), ".source.selector"],
    [source({ selector: "global()" }), ".source.selector"],
    [source({ notSelector: "!global()" }), ".source.notSelector"],
    [source({ namespaceSelector: "global() || has(a)" }), ".source.namespaceSelector"],
    [source({ namespaceSelector: "!global()" }), ".source.namespaceSelector"],
    [source({ serviceAccounts: { names: ["a", "a"] } }), ".source.serviceAccounts.names[1]"],
  ]);
});

test("a service stands alone, at the far end of a rule, and needs a namespace in a global policy", () => {
  const services = { name: "x" };
  accept([source({ services }), { egress: [{ action: "Allow", destination: { services } }] }]);
  accept([source({ services: { name: "x", namespace: "y" }, ports: ["http"], nets: [], selector: "" })]);
  refuse([
    [source({ services: {} }), ".source.services.name"],
    [withRule({ destination: { services } }), ".destination.services"],
    ...["selector", "notSelector", "namespaceSelector"].map((member): [Json, string] => [
      source({ services, [member]: "has(a)" }),
      ".source.services",
    ]),
    [source({ services, notNets: ["10.0.0.0/8"] }), ".source.services"],
    [source({ services, serviceAccounts: {} }), ".source.services"],
  ]);
  assertRefused("NetworkPolicy", [
    [{ egress: [{ action: "Allow", destination: { services, ports: ["x"] } }] }, "egress[0].destination.services"],
    [{ egress: [{ action: "Allow", source: { services } }] }, "egress[0].source.services"],
  ]);
  assertAccepted("GlobalNetworkPolicy", [source({ services: { name: "x", namespace: "y" } })]);
  assertRefused("GlobalNetworkPolicy", [[source({ services }), "ingress[0].source.services.namespace"]]);
});

test("a look into HTTP is unsupported where it would be valid", () => {
  const http = (match: Json, rule: Json = {}) => withRule({ ...rule, http: match });
  assertUnsupported("NetworkPolicy", [
    [http({ methods: ["GET"] }), "ingress[0].http"],
    [http({}, { protocol: 6 }), "ingress[0].http"],
    [
      http({ methods: repeat(20, (at) => `M${at}`), paths: repeat(20, () => ({ exact: `/${"x".repeat(1023)}` })) }),
      "ingress[0].http",
    ],
  ]);
  for (const kind of ["GlobalNetworkPolicy", "Profile", "StagedNetworkPolicy", "StagedGlobalNetworkPolicy"] as const) {
    assertUnsupported(kind, [[http({ paths: [{ prefix: "/" }] }), "ingress[0].http"]]);
  }
  assertInvalid("NetworkPolicy", [
    http({}, { action: "Deny" }),
    http({}, { protocol: "UDP" }),
    { egress: [{ action: "Allow", http: {} }] },
    http({ methods: ["GET", "GET"] }),
    http({ methods: repeat(21, (at) => `M${at}`) }),
    http({ paths: repeat(21, () => ({ exact: "/" })) }),
    ...[{}, { exact: "/", prefix: "/" }, { exact: "a" }, { exact: "/a?" }, { prefix: "/#" }, { prefix: "/ " }].map(
      (path) => http({ paths: [path] }),
    ),
    http({ paths: [{ exact: `/${"x".repeat(1024)}` }] }),
    { ...http({}), order: "1" },
  ]);
});

test("a rule's annotations keep to their rules", () => {
  accept([
    withRule({ metadata: { annotations: { "example.org/why": "because", Upper: "x" } } }),
    withRule({ metadata: {} }),
  ]);
  refuse([[withRule({ metadata: { annotations: { "a b": "x" } } }), '.metadata.annotations["a b"]']]);
});

test("a direction has 1024 rules at most", () => {
  const rules = (count: number) => repeat(count, () => ({ action: "Deny" }));
  for (const kind of ["NetworkPolicy", "GlobalNetworkPolicy", "Profile"] as const) {
    assertAccepted(kind, [{ ingress: rules(1024), egress: rules(1024) }]);
    assertRefused(kind, [
      [{ ingress: rules(1025) }, "ingress"],
      [{ egress: rules(1025) }, "egress"],
    ]);
  }
});
