import { type Situation, situation } from "../situation.ts";

/** Tiers, Pass, and what is done at the end of a tier. */
export const tiers: readonly Situation[] = [
  situation(
    "the end of a tier denies what none of its policies that apply decided",
    `
kind: Tier
metadata: { name: guard }
spec: { order: 10 }
---
kind: GlobalNetworkPolicy
metadata: { name: guard-web }
spec: { tier: guard, selector: app == 'web', ingress: [{ action: Allow, source: { selector: tier == 'back' } }] }
---
kind: GlobalNetworkPolicy
metadata: { name: open }
spec: { types: [Ingress], ingress: [{ action: Allow }] }
`,
    { closed: "all -api -db -> web sink" },
  ),
  situation(
    "a tier none of whose policies applies to a workload is passed over",
    `
kind: Tier
metadata: { name: guard }
spec: { order: 10 }
---
kind: GlobalNetworkPolicy
metadata: { name: guard-nobody }
spec: { tier: guard, selector: app == 'nobody', types: [Ingress, Egress] }
---
kind: NetworkPolicy
metadata: { name: back, namespace: shop }
spec: { selector: tier == 'back', ingress: [{ action: Allow, source: { selector: app == 'web' } }] }
`,
    { closed: "all -web -> api db" },
  ),
  situation(
    "a tier whose policies are all about the way in has no say about the way out",
    `
kind: Tier
metadata: { name: guard }
spec: { order: 10 }
---
kind: GlobalNetworkPolicy
metadata: { name: guard-lab }
spec: { tier: guard, namespaceSelector: stage == 'test', types: [Ingress] }
`,
    { closed: "all -> lab" },
  ),
  situation(
    "Pass leaves the rest of the tier out and lets the next tier decide",
    `
kind: Tier
metadata: { name: guard }
spec: { order: 10 }
---
kind: GlobalNetworkPolicy
metadata: { name: a-pass }
spec: { tier: guard, order: 1, namespaceSelector: team == 'sales', types: [Ingress], ingress: [{ action: Pass, protocol: TCP }] }
---
kind: GlobalNetworkPolicy
metadata: { name: b-deny }
spec: { tier: guard, order: 2, types: [Ingress], namespaceSelector: team == 'sales', ingress: [{ action: Deny }] }
---
kind: NetworkPolicy
metadata: { name: port-80, namespace: shop }
spec: { selector: app == 'db', ingress: [{ action: Allow, protocol: TCP, destination: { ports: [80] } }] }
`,
    { closed: "all -> shop : udp; all -> db : tcp/8080" },
  ),
  situation(
    "a tier may pass at its end instead of denying",
    `
kind: Tier
metadata: { name: blocklist }
spec: { order: 10, defaultAction: Pass }
---
kind: GlobalNetworkPolicy
metadata: { name: no-out }
spec: { tier: blocklist, types: [Ingress], ingress: [{ action: Deny, source: { nets: [198.51.100.0/24] } }] }
`,
    { closed: "out -> pods : v4" },
  ),
  situation(
    "Allow in an early tier is final: later tiers are not asked",
    `
kind: Tier
metadata: { name: early }
spec: { order: 10, defaultAction: Pass }
---
kind: GlobalNetworkPolicy
metadata: { name: mon-may }
spec: { tier: early, types: [Ingress], ingress: [{ action: Allow, source: { selector: app == 'mon' } }] }
---
kind: GlobalNetworkPolicy
metadata: { name: shut }
spec: { types: [Ingress], ingress: [{ action: Deny }] }
`,
    { closed: "all -mon -> pods" },
  ),
  situation(
    "the tier with the lower order is asked first, whatever its name",
    `
kind: Tier
metadata: { name: aaa }
spec: { order: 20 }
---
kind: Tier
metadata: { name: zzz }
spec: { order: -3.5 }
---
kind: GlobalNetworkPolicy
metadata: { name: deny }
spec: { tier: aaa, namespaceSelector: team == 'sales', ingress: [{ action: Deny }] }
---
kind: GlobalNetworkPolicy
metadata: { name: allow }
spec: { tier: zzz, selector: app == 'web', ingress: [{ action: Allow }] }
`,
    { closed: "all -> api db" },
  ),
  situation(
    "of tiers with one order the name decides, and a tier without order stands beside the default one",
    `
kind: Tier
metadata: { name: access }
spec: { defaultAction: Pass }
---
kind: Tier
metadata: { name: extra }
spec: { defaultAction: Pass }
---
kind: GlobalNetworkPolicy
metadata: { name: before }
spec: { tier: access, selector: app == 'api', ingress: [{ action: Deny, protocol: UDP }] }
---
kind: GlobalNetworkPolicy
metadata: { name: main }
spec: { selector: tier == 'back', ingress: [{ action: Allow }] }
---
kind: GlobalNetworkPolicy
metadata: { name: behind }
spec: { tier: extra, selector: tier == 'back', ingress: [{ action: Deny, protocol: TCP }] }
`,
    { closed: "all -> api : udp" },
  ),
  situation(
    "Pass in the last tier leaves it to the profiles",
    `
kind: NetworkPolicy
metadata: { name: shrug, namespace: shop }
spec: { selector: app == 'web', ingress: [{ action: Pass, protocol: TCP }] }
`,
    { closed: "all -> web : udp" },
  ),
  situation(
    "a policy of a tier that does not exist stays in force, behind all others, and denies at its end",
    `
kind: NetworkPolicy
metadata: { name: lost, namespace: shop }
spec: { tier: nowhere, selector: tier == 'back', ingress: [{ action: Allow, protocol: TCP }] }
---
kind: NetworkPolicy
metadata: { name: main, namespace: shop }
spec:
  selector: app == 'api'
  ingress:
    - { action: Pass, protocol: UDP }
    - { action: Deny, protocol: TCP, destination: { ports: [80] } }
    - { action: Allow, protocol: TCP }
`,
    { closed: "all -> api db : udp; all -> api : tcp/80" },
  ),
  situation(
    "three tiers in a row: each passes on what is none of its business",
    `
kind: Tier
metadata: { name: security }
spec: { order: 1 }
---
kind: Tier
metadata: { name: platform }
spec: { order: 2 }
---
kind: GlobalNetworkPolicy
metadata: { name: quarantine }
spec:
  tier: security
  order: 1
  ingress: [{ action: Deny, source: { selector: app == 'bench' } }, { action: Pass }]
  egress: [{ action: Pass }]
---
kind: GlobalNetworkPolicy
metadata: { name: monitoring }
spec:
  tier: platform
  ingress:
    - { action: Allow, protocol: TCP, source: { serviceAccounts: { names: [watcher] } }, destination: { ports: [8080] } }
    - { action: Pass }
---
kind: KubernetesNetworkPolicy
metadata: { name: db, namespace: shop }
spec:
  podSelector: { matchLabels: { app: db } }
  ingress: [{ from: [{ podSelector: { matchLabels: { app: api } } }] }]
`,
    { closed: "bench -> pods; web sink out -> db; mon -> db : tcp/80 udp" },
  ),
];
