import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { convertClusterNetworkPolicy } from "./convert-cluster-network-policy.ts";
import { convertNetworkPolicy } from "./convert-network-policy.ts";
import { convertKubernetesObject } from "./convert-object.ts";
import { convertUid } from "./convert-uid.ts";
import { readDuration } from "./duration.ts";
import { namespaceSelectorText, podSelectorText } from "./label-selector.ts";
import { readQuantity } from "./quantity.ts";
import { decoded } from "./testing/decode-cases.ts";
import { isValueType, readValue } from "./value.ts";

const pods = "projectcalico.org/orchestrator == 'k8s'";

function specOf(spec: object) {
  const result = convertNetworkPolicy(decoded("KubernetesNetworkPolicy", spec));
  assert.ok(result.ok);
  return result.value.spec;
}

function clusterSpec(spec: object) {
  const result = convertClusterNetworkPolicy(decoded("KubernetesClusterNetworkPolicy", spec));
  assert.ok(result.ok);
  return result.value?.spec;
}

test("a label selector is told in our language, labels by name and expressions in their order", () => {
  const selector = {
    matchLabels: { b: "2", "x.y/a": "" },
    matchExpressions: [
      { key: "k", operator: "In" as const, values: ["b", "a"] },
      { key: "k", operator: "NotIn" as const, values: ["c"] },
      { key: "m", operator: "Exists" as const },
      { key: "n", operator: "DoesNotExist" as const },
    ],
  };
  const terms = "b == '2' && x.y/a == '' && k in { 'b', 'a' } && k not in { 'c' } && has(m) && ! has(n)";
  assert.equal(namespaceSelectorText(selector), terms);
  assert.equal(podSelectorText(selector), `${pods} && ${terms}`);
  assert.equal(namespaceSelectorText({}), "all()");
  assert.equal(podSelectorText(undefined), pods);
});

test("a Kubernetes policy becomes one of the default tier, its types as written or Ingress", () => {
  assert.deepEqual(specOf({}), { tier: "default", order: 1000, selector: pods, types: ["Ingress"] });
  assert.deepEqual(specOf({ policyTypes: ["Egress", "Ingress"] }).types, ["Ingress", "Egress"]);
  assert.deepEqual(specOf({ policyTypes: ["Egress"] }).types, ["Egress"]);
  const spec = specOf({ egress: [{}] });
  assert.deepEqual([spec.types, spec.egress], [["Ingress"], [{ action: "Allow" }]]);
});

test("each peer with each protocol is a rule of its own", () => {
  const { ingress, egress } = specOf({
    ingress: [
      {
        from: [
          { podSelector: { matchLabels: { a: "b" } } },
          { namespaceSelector: {} },
          { namespaceSelector: { matchLabels: { c: "d" } }, podSelector: {} },
          { ipBlock: { cidr: "10.0.0.9/8", except: ["10.1.0.1/16", "fd00::/8", "192.0.2.0/24"] }, podSelector: {} },
        ],
        ports: [{ port: 53, protocol: "UDP" }, { port: 53 }],
      },
    ],
    egress: [{ to: [{ ipBlock: { cidr: "::/0" } }], ports: [{ protocol: "SCTP" }, { protocol: "sctp", port: 5 }] }],
  });
  const sources = [
    { selector: `${pods} && a == 'b'` },
    { selector: pods, namespaceSelector: "all()" },
    { selector: pods, namespaceSelector: "c == 'd'" },
    { nets: ["10.0.0.0/8"], notNets: ["10.1.0.0/16", "192.0.2.0/24"] },
  ];
  assert.deepEqual(
    ingress,
    ["TCP", "UDP"].flatMap((protocol) =>
      sources.map((source) => ({ action: "Allow", protocol, source, destination: { ports: [53] } })),
    ),
  );
  assert.deepEqual(egress, [{ action: "Allow", protocol: "SCTP", destination: { nets: ["::/0"] } }]);
});

test("ports that touch become one range", () => {
  const portsOf = (ports: object[]) => specOf({ ingress: [{ ports }] }).ingress?.map((rule) => rule.destination?.ports);
  const cases: [object[], unknown][] = [
    [[{ port: 80 }], [[80]]],
    [[{ port: "80" }, { port: "http" }], [[80, "http"]]],
    [[{ port: 80 }, { port: "http" }, { port: 82 }], [["http", 80, 82]]],
    [[{ port: 81 }, { port: 80 }], [["80:81"]]],
    [[{ port: 80 }, { port: 80 }], [[80]]],
    [[{ port: 90, endPort: 95 }, { port: 80, endPort: 91 }, { port: 97 }], [["80:95", 97]]],
    [[{ port: 0, endPort: 65535 }], [["0:65535"]]],
    [[{ port: 7, endPort: 7 }, { port: "b" }, { port: "a" }], [[7, "b", "a"]]],
    [[{ port: 80 }, {}], [undefined]],
    [[{ endPort: 5 }], [undefined]],
  ];
  for (const [ports, expected] of cases) assert.deepEqual(portsOf(ports), expected, JSON.stringify(ports));
});

test("a Kubernetes rule with anything bad in it is left out as a whole", () => {
  const bad: object[] = [
    { ports: [{ port: 80 }, { port: -1 }] },
    { ports: [{ port: 65536 }] },
    { ports: [{ protocol: "constructor" }] },
    { ports: [{ port: 1.5 }] },
    { ports: [{ port: "+1" }] },
    { ports: [{ port: "99999" }] },
    { ports: [{ port: 9, endPort: 8 }] },
    { ports: [{ port: "a", endPort: 8 }] },
    { ports: [{ port: "80:90" }] },
    { from: [{}, { ipBlock: { cidr: "10.0.0.1" } }] },
    { from: [{ ipBlock: { cidr: "10.0.0.0/33" } }] },
    { from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.0.0.1"] } }] },
  ];
  for (const rule of bad) {
    const { ingress, types } = specOf({ policyTypes: ["Ingress"], ingress: [rule, { ports: [{ port: 1 }] }] });
    assert.deepEqual(
      ingress,
      [{ action: "Allow", protocol: "TCP", destination: { ports: [1] } }],
      JSON.stringify(rule),
    );
    assert.deepEqual(types, ["Ingress"]);
  }
});

test("a uid is told from the original by its bits, and told back by the same", () => {
  assert.equal(convertUid("01020304-0506-4708-a90a-0b0c0d0e0f10"), "8040c020-a060-4710-a950-d030b070f008");
  assert.equal(convertUid("{01020304-0506-4708-a90a-0b0c0d0e0f10}"), "8040c020-a060-4710-a950-d030b070f008");
  for (const text of ["", "x", "01020304", "01020304-0506-4708-a90a-0b0c0d0e0f1g"])
    assert.equal(convertUid(text), undefined);
  fc.assert(
    fc.property(fc.uuid(), (uid) => {
      const other = convertUid(uid);
      assert.ok(other !== undefined);
      assert.equal(convertUid(other), uid);
    }),
  );
  const policy = { kind: "NetworkPolicy", metadata: { name: "x", namespace: "y", uid: "z" } };
  assert.ok(!convertKubernetesObject(policy).ok);
});

const admin = { tier: "Admin", subject: { namespaces: {} } };

test("an administrator's policy goes before or after all others, over the namespaces it says", () => {
  assert.deepEqual(clusterSpec({ ...admin, priority: 5 }), {
    tier: "kube-admin",
    order: 5,
    selector: pods,
    namespaceSelector: "all()",
    types: [],
  });
  const subject = { pods: { podSelector: { matchLabels: { a: "b" } } } };
  const spec = clusterSpec({ tier: "Baseline", subject });
  assert.deepEqual(
    [spec?.tier, spec?.order, spec?.selector, spec?.namespaceSelector],
    ["kube-baseline", 0, `${pods} && a == 'b'`, "all()"],
  );
  for (const nothing of [
    { subject: admin.subject },
    { ...admin, tier: "Other" },
    { ...admin, tier: "constructor" },
    { tier: "Admin" },
    { ...admin, subject: {} },
  ]) {
    assert.equal(clusterSpec(nothing), undefined);
  }
});

test("an administrator's rule has peers, protocols and the name it was given", () => {
  const metadata = { annotations: { name: "web" } };
  const { ingress, egress, types } = clusterSpec({
    ...admin,
    ingress: [
      {
        name: "web",
        action: "Accept",
        from: [{ namespaces: { matchLabels: { c: "d" } } }, { pods: { podSelector: {} } }],
        protocols: [
          { tcp: { destinationPort: { number: 80 } } },
          { tcp: { destinationPort: { range: { start: 81, end: 90 } } } },
          { udp: {} },
          { destinationNamedPort: "8080" },
        ],
      },
    ],
    egress: [{ action: "Pass", to: [{ networks: ["10.0.0.1/8", "fd00::/8"] }], protocols: [{}, { udp: {} }] }],
  })!;
  const groups = [
    { destination: { ports: ["8080"] } },
    { protocol: "TCP", destination: { ports: ["80:90"] } },
    { protocol: "UDP" },
  ];
  assert.deepEqual(
    ingress,
    groups.flatMap((group) => [
      { action: "Allow", source: { namespaceSelector: "c == 'd'" }, ...group, metadata },
      { action: "Allow", source: { selector: pods, namespaceSelector: "all()" }, ...group, metadata },
    ]),
  );
  assert.deepEqual(egress, [{ action: "Pass", destination: { nets: ["10.0.0.0/8", "fd00::/8"] } }]);
  assert.deepEqual(types, ["Ingress", "Egress"]);
});

test("an administrator's rule that cannot be converted denies everything, unless it would only allow", () => {
  const peer = { namespaces: {} };
  const bad: object[] = [
    { from: [{}] },
    { from: [peer, { nodes: {} }] },
    { from: [{ networks: ["10.0.0.0/8"] }] },
    { from: [{ namespaces: { matchExpressions: [{ key: "a", operator: "Like" }] } }] },
    { from: [peer], protocols: [{ tcp: { destinationPort: { number: 65536 } } }] },
    { from: [peer], protocols: [{ tcp: { destinationPort: { range: { start: 2, end: 1 } } } }] },
    { from: [peer], protocols: [{ destinationNamedPort: "a b" }] },
    { from: 5 },
  ];
  for (const rule of bad) {
    for (const [action, left] of [
      ["Accept", undefined],
      ["Deny", [{ action: "Deny" }]],
      ["Pass", [{ action: "Deny" }]],
    ]) {
      const spec = clusterSpec({ ...admin, ingress: [{ name: "x", action, ...rule }] });
      assert.deepEqual(
        [spec?.ingress, spec?.types],
        [left, left === undefined ? [] : ["Ingress"]],
        JSON.stringify(rule),
      );
    }
  }
  const odd = { toString: {}, valueOf: {} };
  assert.equal(clusterSpec({ ...admin, ingress: [{ action: odd, from: [peer] }] })?.ingress, undefined);
  assert.equal(clusterSpec({ ...admin, ingress: [{ action: "Allow", from: [peer] }] })?.ingress, undefined);
  assert.equal(clusterSpec({ ...admin, ingress: [{ action: "Deny" }] })?.ingress, undefined, "no peers, no rule");
  assert.equal(
    clusterSpec({ ...admin, egress: [{ action: "Accept", to: [{ networks: ["10.0.0.1"] }] }] })?.egress,
    undefined,
  );
});

type Pod = { readonly metadata?: object; readonly spec?: object; readonly status?: object };

function podOf({ metadata = {}, spec = {}, status = { podIP: "10.0.0.1" } }: Pod): object {
  return {
    kind: "Pod",
    metadata: { name: "web-1", namespace: "shop", ...metadata },
    spec: { nodeName: "host-1", ...spec },
    status,
  };
}

function endpointOf(pod: Pod) {
  const result = convertKubernetesObject(podOf(pod));
  assert.ok(result.ok, JSON.stringify(result));
  const { value, key } = result.value;
  assert.ok(value?.kind === "WorkloadEndpoint");
  assert.deepEqual(key, { kind: "WorkloadEndpoint", namespace: "shop", name: value.metadata.name });
  return value;
}

const networksOf = (pod: Pod) => endpointOf(pod).spec.ipNetworks;
const annotated = (annotations: object, more: object = {}) => ({ metadata: { annotations, ...more } });

test("a pod becomes an endpoint with the labels of the system and the profiles of its namespace and account", () => {
  const endpoint = endpointOf({
    metadata: { labels: { a: "b", "pcns.x": "y" }, uid: "u", generateName: "web-", annotations: { other: "x" } },
    spec: { serviceAccountName: "robot" },
  });
  assert.deepEqual(endpoint.metadata, {
    name: "host--1-k8s-web--1-eth0",
    namespace: "shop",
    labels: {
      a: "b",
      "projectcalico.org/namespace": "shop",
      "projectcalico.org/orchestrator": "k8s",
      "projectcalico.org/serviceaccount": "robot",
    },
    uid: "u",
    generateName: "web-",
  });
  assert.deepEqual(endpoint.spec.profiles, ["kns.shop", "ksa.shop.robot"]);
  assert.match(endpoint.spec.interfaceName, /^cali[0-9a-f]{11}$/);
  const long = endpointOf({ spec: { serviceAccountName: "a".repeat(63) } });
  assert.ok(!("projectcalico.org/serviceaccount" in (long.metadata.labels ?? {})));
});

test("a pod's addresses are those of the first source that has any", () => {
  assert.deepEqual(networksOf({ status: { podIPs: [{ ip: "10.0.0.2" }, { ip: "FD00::1" }], podIP: "10.0.0.3" } }), [
    "10.0.0.2/32",
    "fd00::1/128",
  ]);
  const ips = { "cni.projectcalico.org/podIPs": "10.0.0.4/32, fd00::2", "cni.projectcalico.org/podIP": "10.0.0.5" };
  assert.deepEqual(networksOf({ ...annotated(ips), status: {} }), ["10.0.0.4/32", "fd00::2/128"]);
  assert.deepEqual(networksOf({ status: {} }), []);
  for (const phase of ["Succeeded", "Failed", "Completed"]) {
    assert.deepEqual(networksOf({ status: { phase, podIP: "10.0.0.1" } }), []);
  }
  const freed = { "cni.projectcalico.org/podIP": "" };
  const deletionTimestamp = "2026-01-01T00:00:00Z";
  assert.deepEqual(networksOf(annotated(freed, { deletionTimestamp })), []);
  assert.deepEqual(networksOf(annotated(freed)), ["10.0.0.1/32"]);
  assert.deepEqual(networksOf({ metadata: { deletionTimestamp } }), ["10.0.0.1/32"]);
});

test("some pods make no endpoint, and some cannot be converted", () => {
  const host = convertKubernetesObject(podOf({ spec: { hostNetwork: true } }));
  assert.ok(host.ok && host.value.value === null && host.value.key.name === "host--1-k8s-web--1-eth0");
  const bad: Pod[] = [
    { spec: { nodeName: "" } },
    { status: { podIP: "10.0.0.0/24" } },
    { status: { podIP: "x" } },
    annotated({ "cni.projectcalico.org/allowedSourcePrefixes": '["10.0.0.1"]' }),
    annotated({ "cni.projectcalico.org/allowedSourcePrefixes": "[5]" }),
    annotated({ "cni.projectcalico.org/floatingIPs": "{" }),
    { metadata: { labels: 5 } },
  ];
  for (const pod of bad) assert.ok(!convertKubernetesObject(podOf(pod)).ok, JSON.stringify(pod));
});

test("a pod's ports, sources and outside addresses are taken over", () => {
  const { spec } = endpointOf({
    metadata: {
      annotations: {
        "cni.projectcalico.org/allowedSourcePrefixes": '["198.51.100.7/24"]',
        "cni.projectcalico.org/floatingIPs": '["192.0.2.1", "fd00::9"]',
      },
    },
    spec: {
      containers: [
        {
          ports: [
            { name: "http", containerPort: 80 },
            { containerPort: 81 },
            { name: "x", containerPort: 82, protocol: "ICMP" },
            { containerPort: 83, hostPort: 8083, hostIP: "192.0.2.9", protocol: "UDP" },
          ],
        },
      ],
      initContainers: [{ ports: [{ name: "init", containerPort: 84, protocol: "SCTP" }] }],
    },
  });
  assert.deepEqual(spec.ports, [
    { name: "http", protocol: "TCP", port: 80 },
    { protocol: "UDP", port: 83, hostPort: 8083, hostIP: "192.0.2.9/32" },
    { name: "init", protocol: "SCTP", port: 84 },
  ]);
  assert.deepEqual(spec.allowSpoofedSourcePrefixes, ["198.51.100.0/24"]);
  assert.deepEqual(spec.ipNATs, [{ internalIP: "10.0.0.1", externalIP: "192.0.2.1" }]);
});

test("a pod's limits are moved into their range, and those that need others go without them", () => {
  const qos = (annotations: Record<string, string>) => endpointOf(annotated(annotations)).spec.qosControls;
  const own = (members: Record<string, string>) =>
    qos(
      Object.fromEntries(Object.entries(members).map(([member, value]) => [`qos.projectcalico.org/${member}`, value])),
    );
  assert.equal(qos({}), undefined);
  assert.deepEqual(own({ ingressBandwidth: "10M" }), { ingressBandwidth: 10000000, ingressBurst: 4294967296 });
  assert.deepEqual(own({ ingressBandwidth: "1", egressBandwidth: "2P", egressBurst: "1Ti" }), {
    ingressBandwidth: 1000,
    ingressBurst: 4294967296,
    egressBandwidth: 1000000000000000,
    egressBurst: 34359738360,
  });
  assert.deepEqual(own({ ingressBandwidth: "1M", ingressPeakrate: "2M", ingressMinburst: "2k" }), {
    ingressBandwidth: 1000000,
    ingressBurst: 4294967296,
    ingressPeakrate: 2000000,
    ingressMinburst: 2000,
  });
  assert.deepEqual(own({ ingressBandwidth: "2M", ingressPeakrate: "2M", ingressMinburst: "2k" }), {
    ingressBandwidth: 2000000,
    ingressBurst: 4294967296,
  });
  assert.equal(own({ ingressBurst: "1M", egressPacketBurst: "7", egressBandwidth: "fast" }), undefined);
  assert.deepEqual(own({ egressPacketRate: "100", egressMaxConnections: "0", dscp: " ef " }), {
    egressPacketRate: 100,
    egressPacketBurst: 5,
    egressMaxConnections: 1,
    dscp: "EF",
  });
  assert.deepEqual(
    [own({ dscp: "63" }), own({ dscp: "64" }), own({ dscp: "CS7" })],
    [{ dscp: 63 }, undefined, undefined],
  );
  assert.deepEqual(qos({ "kubernetes.io/ingress-bandwidth": "1k" }), {
    ingressBandwidth: 1000,
    ingressBurst: 4294967296,
  });
});

test("namespaces and service accounts become profiles", () => {
  const profileOf = (object: object) => {
    const result = convertKubernetesObject(object);
    assert.ok(result.ok);
    return [result.value.key, result.value.value?.spec];
  };
  assert.deepEqual(profileOf({ kind: "ServiceAccount", metadata: { name: "robot", labels: { a: "b" } } }), [
    { kind: "Profile", namespace: "", name: "ksa.default.robot" },
    { labelsToApply: { "pcsa.a": "b", "pcsa.projectcalico.org/name": "robot" } },
  ]);
  const [key] = profileOf({ kind: "Namespace", metadata: { name: "shop" }, status: { phase: "Active" } });
  assert.deepEqual(key, { kind: "Profile", namespace: "", name: "kns.shop" });
  assert.ok(!convertKubernetesObject({ kind: "Deployment" }).ok);
});

test("any object of Kubernetes is converted or refused, never an exception", () => {
  const kind = fc.constantFrom("NetworkPolicy", "ClusterNetworkPolicy", "Pod", "Namespace", "ServiceAccount", "x", 5);
  fc.assert(
    fc.property(kind, fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (kind, metadata, spec, status) => {
      convertKubernetesObject({ kind, metadata, spec, status });
      convertKubernetesObject({ kind, metadata: { name: "x" }, spec: { nodeName: "n", ingress: [spec] }, status });
    }),
  );
});

test("quantities and durations are read as Kubernetes and Go read them", () => {
  const quantities: [string, number | undefined][] = [
    ["10M", 1e7],
    ["1.5Gi", 1610612736],
    ["1e3", 1000],
    ["1500m", 2],
    [".5k", 500],
    ["-1", -1],
    ["1MB", undefined],
    ["", undefined],
    ["M", undefined],
  ];
  for (const [text, value] of quantities) assert.equal(readQuantity(text), value, text);
  const durations: [string, number | undefined][] = [
    ["1h0.5m", 3630],
    ["3m20s", 200],
    ["0", 0],
    ["-1.5s", -1.5],
    ["1000000us", 1],
    ["1", undefined],
    ["1m ", undefined],
    ["2562048h", undefined],
  ];
  for (const [text, value] of durations) assert.equal(readDuration(text), value, text);
});

test("values that may be number or text are read into their normal form, without the limits of resources", () => {
  const cases: [string, unknown, unknown][] = [
    ["asNumber", "1.0", 65536],
    ["asNumber", 4294967296, undefined],
    ["asNumber", "65536.1", undefined],
    ["port", 0, 0],
    ["port", "65535", 65535],
    ["port", "65536", undefined],
    ["port", "5:5", 5],
    ["port", "0:65535", "0:65535"],
    ["port", "6:5", undefined],
    ["port", "a_B.c-", "a_B.c-"],
    ["port", "a".repeat(128), "a".repeat(128)],
    ["port", "a".repeat(129), undefined],
    ["port", "", undefined],
    ["port", "a b", undefined],
    ["port", 1.5, undefined],
    ["protocol", "006", 6],
    ["protocol", "256", "256"],
    ["protocol", "anything", "anything"],
    ["protocol", 256, undefined],
    ["protocol", -1, undefined],
    ["dscp", 255, 255],
    ["dscp", "EF", "EF"],
    ["dscp", null, undefined],
    ["dscp", true, undefined],
  ];
  for (const [type, value, expected] of cases) {
    assert.ok(isValueType(type));
    assert.equal(readValue(type, value), expected, `${type} ${String(value)}`);
  }
  assert.ok(!isValueType("constructor"));
});
