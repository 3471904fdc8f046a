import { type Situation, situation } from "../situation.ts";

/** Kubernetes NetworkPolicy: whom it isolates, and whom it lets in. */
export const kubernetesPeers: readonly Situation[] = [
  situation("without any policy everybody reaches every workload", "", { closed: "" }),
  situation(
    "a policy for all pods of a namespace without rules lets nobody in, and everybody out",
    `
kind: KubernetesNetworkPolicy
metadata: { name: shut, namespace: shop }
spec: { podSelector: {} }
`,
    { closed: "all -> shop" },
  ),
  situation(
    "a policy without rules isolates the pods that it selects, and no others of their namespace",
    `
kind: KubernetesNetworkPolicy
metadata: { name: shut-back, namespace: shop }
spec: { podSelector: { matchLabels: { tier: back } } }
`,
    { closed: "all -> api db" },
  ),
  situation(
    "a policy selects pods of its own namespace only, though others have the same labels",
    `
kind: KubernetesNetworkPolicy
metadata: { name: shut-web, namespace: lab }
spec: { podSelector: { matchLabels: { app: web } } }
`,
    { closed: "all -> sink" },
  ),
  situation(
    "one empty rule lets everybody in, whatever else isolates the pods",
    `
kind: KubernetesNetworkPolicy
metadata: { name: shut, namespace: shop }
spec: { podSelector: {} }
---
kind: KubernetesNetworkPolicy
metadata: { name: welcome, namespace: shop }
spec: { podSelector: { matchLabels: { app: api } }, ingress: [{}] }
`,
    { closed: "all -> web db" },
  ),
  situation(
    "a pod selector among the peers means pods of the policy's own namespace",
    `
kind: KubernetesNetworkPolicy
metadata: { name: db-from-web, namespace: shop }
spec:
  podSelector: { matchLabels: { app: db } }
  ingress: [{ from: [{ podSelector: { matchLabels: { app: web } } }] }]
`,
    { closed: "all -web -> db" },
  ),
  situation(
    "an empty pod selector among the peers means all pods of the namespace, and nobody from outside",
    `
kind: KubernetesNetworkPolicy
metadata: { name: family, namespace: shop }
spec: { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }
`,
    { closed: "lab ops out -> shop" },
  ),
  situation(
    "a namespace selector among the peers lets in all pods of the namespaces with that label",
    `
kind: KubernetesNetworkPolicy
metadata: { name: scientists, namespace: shop }
spec:
  podSelector: { matchLabels: { app: api } }
  ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: science } } }] }]
`,
    { closed: "shop out -> api" },
  ),
  situation(
    "an empty namespace selector among the peers means every pod, and nobody who is no pod",
    `
kind: KubernetesNetworkPolicy
metadata: { name: cluster-only, namespace: shop }
spec: { podSelector: {}, ingress: [{ from: [{ namespaceSelector: {} }] }] }
`,
    { closed: "out -> shop" },
  ),
  situation(
    "both selectors in one peer must hold together",
    `
kind: KubernetesNetworkPolicy
metadata: { name: both, namespace: shop }
spec:
  podSelector: { matchLabels: { app: db } }
  ingress:
    - from:
        - namespaceSelector: { matchLabels: { team: science } }
          podSelector: { matchLabels: { app: web } }
`,
    { closed: "all -sink -> db" },
  ),
  situation(
    "of two peers one is enough: the same selectors apart let in more than together",
    `
kind: KubernetesNetworkPolicy
metadata: { name: either, namespace: shop }
spec:
  podSelector: { matchLabels: { app: db } }
  ingress:
    - from:
        - namespaceSelector: { matchLabels: { team: science } }
        - podSelector: { matchLabels: { app: web } }
`,
    { closed: "api out -> db" },
  ),
  situation(
    "two policies for one pod add up",
    `
kind: KubernetesNetworkPolicy
metadata: { name: from-web, namespace: shop }
spec:
  podSelector: { matchLabels: { app: db } }
  ingress: [{ from: [{ podSelector: { matchLabels: { app: web } } }], ports: [{ port: 80 }] }]
---
kind: KubernetesNetworkPolicy
metadata: { name: from-mon, namespace: shop }
spec:
  podSelector: { matchLabels: { tier: back } }
  ingress: [{ from: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ops } } }] }]
`,
    {
      cast: { namespaces: { ops: { "kubernetes.io/metadata.name": "ops" } } },
      closed: "all -mon -> api; all -web -mon -> db; web -> db : tcp/8080 udp",
    },
  ),
  situation(
    "In takes any of its values, for pods and for namespaces",
    `
kind: KubernetesNetworkPolicy
metadata: { name: listed, namespace: ops }
spec:
  podSelector: { matchExpressions: [{ key: app, operator: In, values: [mon, lookout] }] }
  ingress:
    - from:
        - namespaceSelector: { matchExpressions: [{ key: stage, operator: In, values: [live, test] }] }
          podSelector: { matchExpressions: [{ key: app, operator: In, values: [web, db] }] }
`,
    { closed: "api bench out -> mon" },
  ),
  situation(
    "NotIn also picks pods without the label",
    `
kind: KubernetesNetworkPolicy
metadata: { name: no-tests, namespace: shop }
spec:
  podSelector: { matchExpressions: [{ key: stage, operator: NotIn, values: [live] }] }
  ingress:
    - from: [{ podSelector: { matchExpressions: [{ key: tier, operator: NotIn, values: [back] }] } }]
`,
    { closed: "all -web -> api; all -> web" },
  ),
  situation(
    "Exists and DoesNotExist look at the key alone",
    `
kind: KubernetesNetworkPolicy
metadata: { name: staged-only, namespace: shop }
spec:
  podSelector: { matchExpressions: [{ key: stage, operator: Exists }] }
  ingress:
    - from: [{ podSelector: { matchExpressions: [{ key: stage, operator: DoesNotExist }] } }]
`,
    { closed: "lab ops out -> db" },
  ),
  situation(
    "labels and expressions of one selector must all hold",
    `
kind: KubernetesNetworkPolicy
metadata: { name: strict, namespace: shop }
spec:
  podSelector:
    matchLabels: { tier: back }
    matchExpressions: [{ key: app, operator: NotIn, values: [api] }]
`,
    { closed: "all -> db" },
  ),
  situation(
    "a workload that is no pod is not isolated by Kubernetes' policies, nor let in as one",
    `
kind: KubernetesNetworkPolicy
metadata: { name: pods-of-shop, namespace: shop }
spec: { podSelector: {}, ingress: [{ from: [{ namespaceSelector: {} }] }] }
`,
    { cast: { pods: { api: { orchestrator: "tortie" } } }, closed: "out api -> web db" },
  ),
  situation(
    "a namespace that nobody wrote has no labels, and its pods are not let in by any",
    `
kind: KubernetesNetworkPolicy
metadata: { name: not-sales, namespace: lab }
spec:
  podSelector: { matchLabels: { app: bench } }
  ingress: [{ from: [{ namespaceSelector: { matchExpressions: [{ key: team, operator: NotIn, values: [sales] }] } }] }]
`,
    { cast: { namespaces: { ops: {} } }, closed: "shop out -> bench" },
  ),
  situation(
    "policyTypes decide: with Egress alone ingress rules are as if not written, and everybody gets in",
    `
kind: KubernetesNetworkPolicy
metadata: { name: out-only, namespace: ops }
spec:
  podSelector: {}
  policyTypes: [Egress]
  ingress: [{ from: [{ podSelector: {} }] }]
  egress: [{ to: [{ namespaceSelector: { matchLabels: { team: sales } } }] }]
`,
    { closed: "mon -> lab out" },
  ),
  situation(
    "without policyTypes egress rules alone leave ingress shut and egress free",
    `
kind: KubernetesNetworkPolicy
metadata: { name: untyped, namespace: ops }
spec: { podSelector: {}, egress: [{ to: [{ podSelector: {} }] }] }
`,
    { closed: "all -> mon" },
  ),
];
