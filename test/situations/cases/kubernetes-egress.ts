import { type Situation, situation } from "../situation.ts";

/** Kubernetes NetworkPolicy: the way out, and addresses instead of selectors. */
export const kubernetesEgress: readonly Situation[] = [
  situation(
    "egress of a namespace shut: its pods get nowhere, and are reached as before",
    `
kind: KubernetesNetworkPolicy
metadata: { name: stay, namespace: lab }
spec: { podSelector: {}, policyTypes: [Egress] }
`,
    { closed: "lab -> all" },
  ),
  situation(
    "both directions shut: a namespace on its own, apart even in itself",
    `
kind: KubernetesNetworkPolicy
metadata: { name: island, namespace: lab }
spec: { podSelector: {}, policyTypes: [Ingress, Egress] }
`,
    { closed: "lab -> all; all -> lab" },
  ),
  situation(
    "one empty egress rule lets a pod go anywhere, though another policy shuts its namespace",
    `
kind: KubernetesNetworkPolicy
metadata: { name: stay, namespace: lab }
spec: { podSelector: {}, policyTypes: [Egress] }
---
kind: KubernetesNetworkPolicy
metadata: { name: roam, namespace: lab }
spec: { podSelector: { matchLabels: { app: bench } }, policyTypes: [Egress], egress: [{}] }
`,
    { closed: "sink -> all" },
  ),
  situation(
    "both ends have a say: allowed out is not allowed in",
    `
kind: KubernetesNetworkPolicy
metadata: { name: bench-out, namespace: lab }
spec:
  podSelector: { matchLabels: { app: bench } }
  policyTypes: [Egress]
  egress: [{ to: [{ namespaceSelector: { matchLabels: { team: sales } } }] }]
---
kind: KubernetesNetworkPolicy
metadata: { name: db-in, namespace: shop }
spec: { podSelector: { matchLabels: { app: db } }, ingress: [{ from: [{ podSelector: {} }] }] }
`,
    { closed: "bench -> sink mon out; lab ops out -> db" },
  ),
  situation(
    "egress to names only: a pod that may ask for names gets no further",
    `
kind: KubernetesNetworkPolicy
metadata: { name: names, namespace: shop }
spec:
  podSelector: { matchLabels: { app: web } }
  policyTypes: [Egress]
  egress: [{ ports: [{ port: 53, protocol: UDP }] }]
`,
    { closed: "web -> all : tcp" },
  ),
  situation(
    "an egress peer with both selectors means those pods of those namespaces",
    `
kind: KubernetesNetworkPolicy
metadata: { name: to-sink, namespace: shop }
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
    - to:
        - podSelector: { matchLabels: { app: web } }
          namespaceSelector: { matchLabels: { stage: test } }
`,
    { closed: "shop -> all -sink" },
  ),
  situation(
    "an address block lets in strangers of that block, in its own IP version only",
    `
kind: KubernetesNetworkPolicy
metadata: { name: office, namespace: shop }
spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: 198.51.100.0/24 } }] }] }
`,
    {
      actors: ["web", "db", "mon", "out", "far"],
      closed: "web db mon far -> shop; out -> shop : v6",
    },
  ),
  situation(
    "what an address block excepts is not let in by it",
    `
kind: KubernetesNetworkPolicy
metadata: { name: world-but-far, namespace: shop }
spec:
  podSelector: { matchLabels: { app: web } }
  ingress:
    - from:
        - ipBlock: { cidr: 0.0.0.0/0, except: [203.0.113.0/24, 10.10.2.0/28] }
        - ipBlock: { cidr: "::/0", except: ["2001:db8:b::/48", "fd10:2::/124"] }
`,
    { actors: ["web", "api", "db", "mon", "out", "far"], closed: "far db mon -> web" },
  ),
  situation(
    "what one block excepts another may let in",
    `
kind: KubernetesNetworkPolicy
metadata: { name: world-and-db, namespace: shop }
spec:
  podSelector: { matchLabels: { app: web } }
  ingress:
    - from:
        - ipBlock: { cidr: 10.0.0.0/8, except: [10.10.2.0/24] }
        - ipBlock: { cidr: 10.10.2.2/32 }
`,
    { closed: "all -> web : v6; sink mon out -> web" },
  ),
  situation(
    "a block with host bits set means its network",
    `
kind: KubernetesNetworkPolicy
metadata: { name: sloppy, namespace: shop }
spec: { podSelector: { matchLabels: { app: db } }, ingress: [{ from: [{ ipBlock: { cidr: 10.10.1.77/24 } }] }] }
`,
    { closed: "all -> db : v6; sink mon out -> db" },
  ),
  situation(
    "blocks as egress peers: out to one stranger, and to nobody else",
    `
kind: KubernetesNetworkPolicy
metadata: { name: to-far, namespace: lab }
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress: [{ to: [{ ipBlock: { cidr: 203.0.113.7/32 } }, { ipBlock: { cidr: "2001:db8:b::7/128" } }] }]
`,
    { actors: ["bench", "sink", "web", "out", "far"], closed: "lab -> web bench sink out" },
  ),
  situation(
    "a block may hold pods: addresses count, whoever has them",
    `
kind: KubernetesNetworkPolicy
metadata: { name: first-host, namespace: ops }
spec:
  podSelector: {}
  ingress: [{ from: [{ ipBlock: { cidr: 10.10.1.0/24 } }, { ipBlock: { cidr: "fd10:1::/64" } }] }]
`,
    { closed: "db sink out -> mon" },
  ),
];
