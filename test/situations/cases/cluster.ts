import { type Situation, situation } from "../situation.ts";

/** ClusterNetworkPolicy of Kubernetes: before all others, or behind them. */
export const cluster: readonly Situation[] = [
  situation(
    "an admin's Deny comes before whatever a namespace allows",
    `
kind: KubernetesClusterNetworkPolicy
metadata: { name: no-tests }
spec:
  tier: Admin
  priority: 5
  subject: { namespaces: { matchLabels: { team: sales } } }
  ingress: [{ action: Deny, from: [{ namespaces: { matchLabels: { stage: test } } }] }]
---
kind: KubernetesNetworkPolicy
metadata: { name: open, namespace: shop }
spec: { podSelector: {}, ingress: [{}] }
`,
    { closed: "lab -> shop" },
  ),
  situation(
    "an admin's Accept comes before whatever a namespace shuts",
    `
kind: KubernetesClusterNetworkPolicy
metadata: { name: mon-everywhere }
spec:
  tier: Admin
  priority: 5
  subject: { namespaces: {} }
  ingress:
    - action: Accept
      from: [{ pods: { podSelector: { matchLabels: { app: mon } }, namespaceSelector: {} } }]
      protocols: [{ tcp: { destinationPort: { number: 8080 } } }]
---
kind: KubernetesNetworkPolicy
metadata: { name: shut, namespace: shop }
spec: { podSelector: {} }
`,
    { closed: "all -mon -> shop; mon -> shop : tcp/80 udp" },
  ),
  situation(
    "an admin's Pass keeps later rules of admins away and leaves it to the namespace",
    `
kind: KubernetesClusterNetworkPolicy
metadata: { name: leave-sales-alone }
spec:
  tier: Admin
  priority: 1
  subject: { namespaces: {} }
  ingress: [{ action: Pass, from: [{ namespaces: { matchLabels: { team: sales } } }] }]
---
kind: KubernetesClusterNetworkPolicy
metadata: { name: apart }
spec:
  tier: Admin
  priority: 2
  subject: { namespaces: { matchLabels: { team: science } } }
  ingress: [{ action: Deny, from: [{ namespaces: {} }] }]
---
kind: KubernetesNetworkPolicy
metadata: { name: web-only, namespace: ops }
spec: { podSelector: {}, ingress: [{ from: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: web } } }] }] }
`,
    { closed: "lab ops -> lab ops; out -> mon; api db -> mon" },
  ),
  situation(
    "the lower priority is asked first",
    `
kind: KubernetesClusterNetworkPolicy
metadata: { name: a-late }
spec:
  tier: Admin
  priority: 900
  subject: { pods: { podSelector: { matchLabels: { app: db } } } }
  ingress: [{ action: Accept, from: [{ namespaces: {} }] }]
---
kind: KubernetesClusterNetworkPolicy
metadata: { name: b-early }
spec:
  tier: Admin
  priority: 0
  subject: { pods: { podSelector: { matchLabels: { app: db } } } }
  ingress: [{ action: Deny, from: [{ namespaces: { matchLabels: { team: science } } }] }]
`,
    { closed: "lab ops -> db" },
  ),
  situation(
    "a baseline holds for pods that no policy of their namespace isolates",
    `
kind: KubernetesClusterNetworkPolicy
metadata: { name: base }
spec:
  tier: Baseline
  priority: 1
  subject: { namespaces: {} }
  ingress: [{ action: Deny, from: [{ namespaces: {} }] }]
---
kind: KubernetesNetworkPolicy
metadata: { name: family, namespace: shop }
spec: { podSelector: { matchLabels: { app: web } }, ingress: [{ from: [{ podSelector: {} }] }] }
`,
    { closed: "pods -> api db lab mon; lab ops out -> web" },
  ),
  situation(
    "a baseline may open some before it shuts the rest",
    `
kind: KubernetesClusterNetworkPolicy
metadata: { name: base }
spec:
  tier: Baseline
  priority: 1
  subject: { namespaces: { matchExpressions: [{ key: team, operator: NotIn, values: [sales] }] } }
  ingress:
    - { action: Accept, from: [{ namespaces: { matchLabels: { stage: live } } }], protocols: [{ udp: {} }] }
    - { action: Deny, from: [{ namespaces: {} }] }
`,
    { closed: "lab ops -> lab ops; shop -> lab ops : tcp" },
  ),
  situation(
    "networks are peers on the way out",
    `
kind: KubernetesClusterNetworkPolicy
metadata: { name: no-far }
spec:
  tier: Admin
  priority: 3
  subject: { namespaces: {} }
  egress: [{ action: Deny, to: [{ networks: [203.0.113.0/24, "2001:db8:b::/48", 10.10.2.9/32] }] }]
`,
    { actors: ["web", "db", "mon", "out", "far"], closed: "pods -> far; web db -> mon : v4" },
  ),
  situation(
    "ports of an admin's rule may be numbers, ranges and names",
    `
kind: KubernetesClusterNetworkPolicy
metadata: { name: ports }
spec:
  tier: Admin
  priority: 3
  subject: { pods: { podSelector: { matchLabels: { tier: back } } } }
  ingress:
    - action: Deny
      from: [{ namespaces: {} }]
      protocols:
        - tcp: { destinationPort: { range: { start: 440, end: 450 } } }
        - udp: { destinationPort: { number: 53 } }
        - destinationNamedPort: http
`,
    {
      services: "tcp/80 tcp/443 tcp/8080 udp/53 udp/80",
      closed: "pods -> api db : tcp/443 udp/53; pods -> api : tcp/8080; pods -> db : udp/80",
    },
  ),
  situation(
    "an admin's Deny that nobody can read denies everything, an Accept nothing",
    `
kind: KubernetesClusterNetworkPolicy
metadata: { name: odd-accept }
spec:
  tier: Admin
  priority: 1
  subject: { pods: { podSelector: { matchLabels: { app: api } } } }
  ingress: [{ action: Accept, from: [{ domainNames: [example.com] }] }]
---
kind: KubernetesClusterNetworkPolicy
metadata: { name: odd-deny }
spec:
  tier: Admin
  priority: 2
  subject: { pods: { podSelector: { matchLabels: { app: db } } } }
  ingress:
    - { action: Accept, from: [{ pods: { podSelector: { matchLabels: { app: web } } } }] }
    - { action: Deny, from: [{ domainNames: [example.com] }] }
`,
    { closed: "all -web -sink -> db" },
  ),
  situation(
    "a policy of a tier that Kubernetes does not know has no effect",
    `
kind: KubernetesClusterNetworkPolicy
metadata: { name: lost }
spec:
  tier: Royal
  subject: { namespaces: {} }
  ingress: [{ action: Deny, from: [{ namespaces: {} }] }]
`,
    { closed: "" },
  ),
];
