import { type Situation, situation } from "../situation.ts";

/** NetworkSet and GlobalNetworkSet as peers. */
export const sets: readonly Situation[] = [
  situation(
    "a global set stands for its nets wherever a global policy selects it",
    `
kind: GlobalNetworkSet
metadata: { name: bad, labels: { feed: bad } }
spec: { nets: [198.51.100.0/24, "2001:db8:a::7"] }
---
kind: GlobalNetworkPolicy
metadata: { name: no-bad }
spec: { order: 1, types: [Ingress, Egress], ingress: [{ action: Deny, source: { selector: feed == 'bad' } }, { action: Allow }], egress: [{ action: Deny, destination: { selector: feed == 'bad' } }, { action: Allow }] }
`,
    { actors: ["web", "db", "mon", "out", "far"], closed: "out -> pods; pods -> out" },
  ),
  situation(
    "a set of a namespace is found from inside it without a namespace selector",
    `
kind: NetworkSet
metadata: { name: partners, namespace: shop, labels: { kin: partner } }
spec: { nets: [203.0.113.0/25, "2001:db8:b::/64"] }
---
kind: NetworkPolicy
metadata: { name: partners, namespace: shop }
spec: { selector: app == 'web', ingress: [{ action: Allow, source: { selector: kin == 'partner' } }] }
---
kind: NetworkPolicy
metadata: { name: partners, namespace: lab }
spec: { selector: app == 'bench', ingress: [{ action: Allow, source: { selector: kin == 'partner' } }] }
`,
    { actors: ["web", "api", "bench", "mon", "out", "far"], closed: "all -far -> web; all -> bench" },
  ),
  situation(
    "a set has the labels of its namespace: others find it by them",
    `
kind: NetworkSet
metadata: { name: partners, namespace: shop, labels: { kin: partner } }
spec: { nets: [203.0.113.0/25] }
---
kind: NetworkPolicy
metadata: { name: partners, namespace: lab }
spec: { ingress: [{ action: Allow, source: { namespaceSelector: team == 'sales', selector: has(kin) } }] }
`,
    { actors: ["web", "bench", "sink", "out", "far"], closed: "web bench sink out -> lab; far -> lab : v6" },
  ),
  situation(
    "a global set is not found by a selector of a namespaced policy, unless it asks for global()",
    `
kind: GlobalNetworkSet
metadata: { name: partners, labels: { kin: partner } }
spec: { nets: [203.0.113.7, "2001:db8:b::7"] }
---
kind: NetworkPolicy
metadata: { name: plain, namespace: shop }
spec: { selector: app == 'web', ingress: [{ action: Allow, source: { selector: has(kin) } }] }
---
kind: NetworkPolicy
metadata: { name: with-word, namespace: shop }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { selector: has(kin), namespaceSelector: global() } }] }
`,
    { actors: ["web", "db", "mon", "out", "far"], closed: "all -> web; all -far -> db" },
  ),
  situation(
    "a set may hold addresses of workloads: they match by it",
    `
kind: GlobalNetworkSet
metadata: { name: first-host, labels: { place: first } }
spec: { nets: [10.10.1.0/24, "fd10:1::/64"] }
---
kind: GlobalNetworkPolicy
metadata: { name: from-first }
spec: { selector: app == 'mon', ingress: [{ action: Allow, source: { selector: place == 'first' } }] }
`,
    { closed: "db sink out -> mon" },
  ),
  situation(
    "a set of the whole address space is everybody, and overlapping nets are no trouble",
    `
kind: GlobalNetworkSet
metadata: { name: world, labels: { kin: world } }
spec: { nets: [0.0.0.0/0, 10.0.0.0/8, 10.10.0.0/16, 10.10.1.2/32, "fd10::/16", "fd10:1::/64", "fd10:1::2/128"] }
---
kind: GlobalNetworkPolicy
metadata: { name: from-world }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { selector: kin == 'world' } }] }
`,
    { closed: "out -> db : v6" },
  ),
  situation(
    "several sets with one label are one",
    `
kind: GlobalNetworkSet
metadata: { name: one, labels: { kin: partner } }
spec: { nets: [198.51.100.7/32] }
---
kind: GlobalNetworkSet
metadata: { name: two, labels: { kin: partner, extra: "yes" } }
spec: { nets: ["2001:db8:a::/64", 198.51.100.7/32] }
---
kind: GlobalNetworkPolicy
metadata: { name: partners }
spec: { selector: app == 'api', types: [Ingress], ingress: [{ action: Allow, source: { selector: kin == 'partner' } }] }
`,
    { closed: "pods -> api" },
  ),
  situation(
    "a set has no named ports: a named port is only found at workloads that the selector picks itself",
    `
kind: GlobalNetworkSet
metadata: { name: by-address, labels: { kin: target } }
spec: { nets: [10.10.1.2/32, "fd10:1::2/128"] }
---
kind: GlobalNetworkPolicy
metadata: { name: bench-out }
spec:
  selector: app == 'bench'
  egress:
    - { action: Allow, protocol: TCP, destination: { selector: kin == 'target', ports: [http, 8080] } }
    - { action: Allow, protocol: TCP, destination: { selector: app == 'api', ports: [http] } }
`,
    { closed: "bench -> db sink mon out; bench -> web : tcp/80 udp; bench -> api : tcp/80 udp" },
  ),
  situation(
    "nobody gets out to the addresses that a set excepts by notSelector",
    `
kind: GlobalNetworkSet
metadata: { name: secret, labels: { kin: secret } }
spec: { nets: [10.10.2.2/32, "fd10:2::2/128", 198.51.100.0/24] }
---
kind: GlobalNetworkPolicy
metadata: { name: lab-out }
spec:
  namespaceSelector: projectcalico.org/name == 'lab'
  egress: [{ action: Allow, destination: { notSelector: kin == 'secret' } }]
`,
    { closed: "lab -> db; lab -> out : v4" },
  ),
];
