import { type Situation, situation } from "../situation.ts";

/** Which of several policies is asked first. */
export const order: readonly Situation[] = [
  situation(
    "the policy with the lower order decides",
    `
kind: NetworkPolicy
metadata: { name: a, namespace: shop }
spec: { order: 20, selector: app == 'web', ingress: [{ action: Deny }] }
---
kind: NetworkPolicy
metadata: { name: b, namespace: shop }
spec: { order: 10, selector: app == 'web', ingress: [{ action: Allow, protocol: TCP }] }
`,
    { closed: "all -> web : udp" },
  ),
  situation(
    "a policy without order comes behind all that have one",
    `
kind: GlobalNetworkPolicy
metadata: { name: a-last }
spec: { selector: app == 'web', ingress: [{ action: Deny }] }
---
kind: GlobalNetworkPolicy
metadata: { name: z-numbered }
spec: { order: 99999999, selector: app == 'web', ingress: [{ action: Allow, source: { selector: app == 'mon' } }] }
`,
    { closed: "all -mon -> web sink" },
  ),
  situation(
    "orders may be zero, negative and fractions",
    `
kind: GlobalNetworkPolicy
metadata: { name: a }
spec: { order: 0, selector: app == 'api', ingress: [{ action: Allow }] }
---
kind: GlobalNetworkPolicy
metadata: { name: b }
spec: { order: -0.5, selector: app == 'api', ingress: [{ action: Deny, protocol: UDP }] }
---
kind: GlobalNetworkPolicy
metadata: { name: c }
spec: { order: -7, selector: app == 'api', ingress: [{ action: Allow, source: { selector: app == 'db' } }] }
`,
    { closed: "all -db -> api : udp" },
  ),
  situation(
    "of one order the name decides",
    `
kind: NetworkPolicy
metadata: { name: bar, namespace: shop }
spec: { order: 5, selector: app == 'db', ingress: [{ action: Allow, protocol: UDP }] }
---
kind: NetworkPolicy
metadata: { name: baz, namespace: shop }
spec: { order: 5, selector: app == 'db', ingress: [{ action: Deny }] }
---
kind: NetworkPolicy
metadata: { name: foo, namespace: shop }
spec: { order: 5, selector: app == 'db', ingress: [{ action: Allow }] }
`,
    { closed: "all -> db : tcp" },
  ),
  situation(
    "a name that goes on with a dash comes before the one it begins with, one that goes on with a digit behind it",
    `
kind: NetworkPolicy
metadata: { name: gate, namespace: shop }
spec: { order: 5, selector: tier == 'back', ingress: [{ action: Allow, protocol: UDP }] }
---
kind: NetworkPolicy
metadata: { name: gate-x, namespace: shop }
spec: { order: 5, selector: app == 'api', ingress: [{ action: Deny, protocol: UDP }] }
---
kind: NetworkPolicy
metadata: { name: gate0, namespace: shop }
spec: { order: 5, selector: app == 'db', ingress: [{ action: Deny, protocol: UDP }, { action: Allow }] }
`,
    { closed: "all -> api" },
  ),
  situation(
    "of one name and order the global policy comes before the namespaced one",
    `
kind: NetworkPolicy
metadata: { name: twin, namespace: shop }
spec: { order: 5, selector: app == 'db', ingress: [{ action: Deny }] }
---
kind: GlobalNetworkPolicy
metadata: { name: twin }
spec: { order: 5, selector: app == 'db', ingress: [{ action: Allow, protocol: TCP }] }
`,
    { closed: "all -> db : udp" },
  ),
  situation(
    "policies of Kubernetes stand at order 1000: lower ones come before, higher ones behind",
    `
kind: KubernetesNetworkPolicy
metadata: { name: middle, namespace: shop }
spec:
  podSelector: { matchLabels: { tier: back } }
  ingress: [{ from: [{ podSelector: {} }] }]
---
kind: NetworkPolicy
metadata: { name: before, namespace: shop }
spec: { order: 999, selector: app == 'api', ingress: [{ action: Deny, source: { selector: app == 'db' } }] }
---
kind: NetworkPolicy
metadata: { name: behind, namespace: shop }
spec:
  order: 1001
  selector: tier == 'back'
  ingress: [{ action: Deny, source: { selector: app == 'web' } }, { action: Allow, source: { nets: [198.51.100.0/24] } }]
`,
    { closed: "db -> api; lab ops -> api db; out -> api db : v6" },
  ),
  situation(
    "policies that conflict are settled for each workload by itself",
    `
kind: GlobalNetworkPolicy
metadata: { name: shop-opens }
spec: { order: 1, namespaceSelector: team == 'sales', ingress: [{ action: Allow, protocol: TCP }] }
---
kind: GlobalNetworkPolicy
metadata: { name: front-shuts }
spec: { order: 2, selector: app == 'web', ingress: [{ action: Deny }] }
---
kind: GlobalNetworkPolicy
metadata: { name: all-open }
spec: { order: 3, selector: all(), namespaceSelector: all(), types: [Ingress], ingress: [{ action: Allow }] }
`,
    { closed: "all -> web : udp; all -> sink" },
  ),
];
