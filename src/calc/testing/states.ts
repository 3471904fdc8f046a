import type { Resource } from "../../resources/index.ts";
import {
  address,
  affinity,
  bgpConfiguration,
  bgpPeer,
  clusterPolicy,
  endpoint,
  felixConfiguration,
  globalNetworkSet,
  globalPolicy,
  hostEndpoint,
  kubernetesPolicy,
  namespace,
  networkSet,
  node,
  policy,
  pool,
  profile,
  serviceAccount,
  tier,
} from "./make.ts";

const web = endpoint("web", ["10.0.0.1", "fd00::1"], { role: "web" });
const db = endpoint("db", ["10.0.0.2", "fd00::2"], { role: "db" });
const far = endpoint("far", ["10.0.1.1", "fd00:1::1"], { role: "web" }, { node: "host-2" });
const http = [{ name: "http", protocol: "TCP" as const, port: 80 }];

const allowWeb = policy("allow-web", {
  selector: "role == 'db'",
  ingress: [
    { action: "Allow", protocol: "TCP", source: { selector: "role == 'web'" }, destination: { ports: [5432] } },
  ],
});

/** Clusters that differ in what is there, what is missing and what refers to what. */
export const states: Readonly<Record<string, readonly Resource[]>> = {
  empty: [],
  "an endpoint alone": [web],
  "an endpoint and its namespace": [web, namespace("shop", { stage: "live" })],
  "a namespace alone": [namespace("shop")],
  "a policy alone": [allowWeb],
  "a policy, but its subject on another host": [allowWeb, { ...db, spec: { ...db.spec, node: "host-2" } }, web],
  "a policy with subject and peers": [allowWeb, db, web, far, namespace("shop")],
  "the peers have other labels": [
    allowWeb,
    db,
    { ...web, metadata: { ...web.metadata, labels: { role: "batch" } } },
    far,
  ],
  "the subject has another address": [allowWeb, endpoint("db", ["10.0.0.9"], { role: "db" }), web, far],
  "two peers share an address": [
    allowWeb,
    db,
    web,
    endpoint("twin", ["10.0.0.1"], { role: "web" }, { node: "host-2" }),
  ],
  "the policy has another selector": [policy("allow-web", { ...allowWeb.spec, selector: "has(role)" }), db, web, far],
  "the policy has another rule": [
    policy("allow-web", { ...allowWeb.spec, ingress: [{ action: "Deny", source: { notSelector: "role == 'db'" } }] }),
    db,
    web,
  ],
  "policies in order": [
    globalPolicy("last", { types: ["Ingress", "Egress"] }),
    policy("first", { order: -5, types: ["Egress"], egress: [{ action: "Pass" }] }),
    allowWeb,
    db,
    web,
  ],
  "tiers in order": [
    tier("early", 10, "Pass"),
    tier("late", 2_000_000),
    policy("first", { tier: "early", types: ["Ingress", "Egress"] }),
    policy("second", { tier: "default" }),
    globalPolicy("third", { tier: "late", ingress: [{ action: "Pass" }] }),
    globalPolicy("last", { tier: "missing" }),
    db,
  ],
  "the tiers are missing": [
    policy("first", { tier: "early", types: ["Ingress", "Egress"] }),
    policy("second", { tier: "default" }),
    globalPolicy("third", { tier: "late", ingress: [{ action: "Pass" }] }),
    db,
  ],
  "the tiers have other orders": [
    tier("early", 3_000_000, "Deny"),
    tier("late", 10),
    policy("first", { tier: "early", types: ["Ingress", "Egress"] }),
    globalPolicy("third", { tier: "late", ingress: [{ action: "Pass" }] }),
    db,
  ],
  "policies of Kubernetes": [
    kubernetesPolicy("allow-web", { ingress: [{ from: [{ podSelector: { matchLabels: { role: "web" } } }] }] }),
    policy("allow-web", { order: 1000 }),
    clusterPolicy("deny", { tier: "Admin", subject: { namespaces: {} }, ingress: [{ action: "Deny", from: [5] }] }),
    clusterPolicy("odd", { tier: "Other", subject: { namespaces: {} } }),
    namespace("shop"),
    endpoint("db", ["10.0.0.2"], { role: "db" }, { orchestrator: "k8s" }),
    endpoint("web", ["10.0.0.3"], { role: "web" }, { orchestrator: "k8s", node: "host-2" }),
  ],
  "a service account and a host": [
    globalPolicy("accounts", {
      serviceAccountSelector: "team == 'blue'",
      ingress: [
        { action: "Deny", source: { selector: "zone == 'outer'" } },
        { action: "Allow", source: { services: { name: "x", namespace: "y" } } },
        { action: "Deny", source: { services: { name: "x", namespace: "y" } } },
      ],
    }),
    serviceAccount("robot", { team: "blue" }),
    hostEndpoint("edge", { zone: "outer" }, { expectedIPs: [address("192.0.2.1")] }),
    endpoint("web", ["10.0.0.1"], {}, { serviceAccountName: "robot", profiles: ["kns.shop", "ksa.shop.robot"] }),
  ],
  "named ports": [
    globalPolicy("named", {
      ingress: [
        { action: "Allow", destination: { ports: ["http"] } },
        { action: "Allow", protocol: "TCP", destination: { selector: "role == 'web'", ports: ["http", 8080] } },
      ],
    }),
    { ...web, spec: { ...web.spec, ports: http } },
    { ...far, spec: { ...far.spec, ports: http } },
  ],
  "labels by profile": [
    globalPolicy("stage", {
      selector: "stage == 'live'",
      ingress: [{ action: "Allow", source: { selector: "has(stage)" } }],
    }),
    profile("live", { labelsToApply: { stage: "live" }, ingress: [{ action: "Allow", source: { nets: [] } }] }),
    endpoint("web", ["10.0.0.1"], { role: "web" }, { profiles: ["live", "missing"] }),
    endpoint("far", ["10.0.1.1"], {}, { node: "host-2", profiles: ["live"] }),
  ],
  "the profile is missing": [
    globalPolicy("stage", { selector: "stage == 'live'" }),
    endpoint("web", ["10.0.0.1"], { role: "web" }, { profiles: ["live", "missing"] }),
  ],
  "labels of namespaces": [
    globalPolicy("by-namespace", {
      namespaceSelector: "stage == 'live'",
      ingress: [
        { action: "Allow", source: { namespaceSelector: "stage == 'test'" } },
        { action: "Allow", source: { namespaceSelector: "global()" } },
      ],
    }),
    namespace("shop", { stage: "live" }),
    namespace("lab", { stage: "test" }),
    web,
    endpoint("probe", ["10.0.2.1"], {}, { node: "host-2" }, "lab"),
    networkSet("offices", ["192.0.2.0/24"], {}, "lab"),
    globalNetworkSet("world", ["0.0.0.0/0", "::/0"], {}),
  ],
  "labels of a namespace have changed": [
    globalPolicy("by-namespace", { namespaceSelector: "stage == 'live'" }),
    namespace("shop", { stage: "test" }),
    namespace("lab", { stage: "live" }),
    web,
  ],
  "routing between hosts": [
    node("host-1", { ipv4Address: "192.0.2.1/24", ipv6Address: "2001:db8::1/64" }),
    node("host-2", { ipv4Address: "192.0.2.2/24", ipv6Address: "2001:db8::2/64" }),
    pool("pool", "10.0.0.0/16"),
    affinity("10.0.0.0/26"),
    affinity("10.0.0.64/26", "host-2"),
  ],
  "routing with a router": [
    node("host-1", { ipv4Address: "192.0.2.1/24" }),
    bgpConfiguration("default", { nodeToNodeMeshEnabled: false }),
    bgpPeer("tor", { peerIP: "192.0.2.254", asNumber: 65000 }),
    pool("pool", "10.0.0.0/16", true),
    affinity("10.0.0.0/26", "host-1", "pending"),
  ],
  "the own node is missing": [
    node("host-2", { ipv4Address: "192.0.2.2/24" }),
    bgpPeer("tor", { peerIP: "192.0.2.254", asNumber: 65000 }),
  ],
  "an interface of the host": [
    globalPolicy("ssh", { selector: "zone == 'outer'", types: ["Ingress", "Egress"] }),
    globalPolicy("through", { selector: "zone == 'outer'", applyOnForward: true, order: 5 }),
    globalPolicy("flood", { selector: "zone == 'outer'", applyOnForward: true, doNotTrack: true, types: ["Ingress"] }),
    globalPolicy("early", { selector: "has(zone)", applyOnForward: true, preDNAT: true, types: ["Ingress"] }),
    policy("of-a-namespace", { selector: "zone == 'outer'" }),
    hostEndpoint("outer", { zone: "outer" }, { expectedIPs: [address("192.0.2.1")], profiles: ["live"] }),
    hostEndpoint("other", { zone: "outer" }, { node: "host-2" }),
    hostEndpoint("rest", {}, { interfaceName: "*" }),
    profile("live", { labelsToApply: { stage: "live" } }),
    web,
  ],
  "the interface of the host is elsewhere": [
    globalPolicy("ssh", { selector: "zone == 'outer'" }),
    hostEndpoint("outer", { zone: "inner" }, { node: "host-2" }),
    felixConfiguration("default", { defaultEndpointToHostAction: "ACCEPT", logActionRateLimit: "10/second" }),
    felixConfiguration("node.host-1", { failsafeInboundHostPorts: [] }),
  ],
};
