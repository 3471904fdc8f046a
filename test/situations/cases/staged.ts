import { type Situation, situation } from "../situation.ts";

/** Staged policies are looked at by people only. */
export const staged: readonly Situation[] = [
  situation(
    "staged policies of all kinds decide nothing",
    `
kind: StagedNetworkPolicy
metadata: { name: shut, namespace: shop }
spec: { types: [Ingress, Egress] }
---
kind: StagedGlobalNetworkPolicy
metadata: { name: shut }
spec: { types: [Ingress, Egress] }
---
kind: StagedKubernetesNetworkPolicy
metadata: { name: shut, namespace: lab }
spec: { podSelector: {} }
`,
    { closed: "" },
  ),
  situation(
    "a tier with staged policies only lets everything on to the next",
    `
kind: Tier
metadata: { name: trial }
spec: { order: 5 }
---
kind: StagedGlobalNetworkPolicy
metadata: { name: shut }
spec: { tier: trial, types: [Ingress], ingress: [{ action: Deny, protocol: TCP }] }
---
kind: NetworkPolicy
metadata: { name: tcp, namespace: shop }
spec: { selector: app == 'db', ingress: [{ action: Allow, protocol: TCP }] }
`,
    { closed: "all -> db : udp" },
  ),
  situation(
    "a staged deletion leaves the policy of that name in force",
    `
kind: StagedNetworkPolicy
metadata: { name: shut, namespace: ops }
spec: { stagedAction: Delete }
---
kind: NetworkPolicy
metadata: { name: shut, namespace: ops }
spec: { types: [Ingress] }
`,
    { closed: "all -> mon" },
  ),
  situation(
    "a staged change of a policy does not change it yet",
    `
kind: NetworkPolicy
metadata: { name: gate, namespace: ops }
spec: { ingress: [{ action: Allow, protocol: UDP }] }
---
kind: StagedNetworkPolicy
metadata: { name: gate, namespace: ops }
spec: { ingress: [{ action: Allow, protocol: TCP }, { action: Deny }] }
`,
    { closed: "all -> mon : tcp" },
  ),
];
