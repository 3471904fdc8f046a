import { type Situation, situation } from "../situation.ts";

/** What is asked when no policy applies: profiles; and service accounts, which come as profiles. */
export const profiles: readonly Situation[] = [
  situation("a workload without profiles reaches nobody and is reached by nobody, until a policy says so", "", {
    cast: { pods: { web: { profiles: [] } } },
    closed: "all -> web; web -> all",
  }),
  situation("a profile that does not exist says nothing, and the next one is asked", "", {
    cast: { pods: { web: { profiles: ["gone"] }, api: { profiles: ["gone", "kns.shop"] } } },
    closed: "all -> web; web -> all",
  }),
  situation(
    "profiles are asked in the order in which the workload names them",
    `
kind: Profile
metadata: { name: no-udp }
spec: { ingress: [{ action: Deny, protocol: UDP }], egress: [{ action: Allow }] }
`,
    {
      cast: { pods: { web: { profiles: ["no-udp", "kns.shop"] }, api: { profiles: ["kns.shop", "no-udp"] } } },
      closed: "all -> web : udp",
    },
  ),
  situation(
    "Pass in a profile leaves that profile only",
    `
kind: Profile
metadata: { name: shy }
spec:
  ingress: [{ action: Pass, protocol: TCP, destination: { ports: [80] } }, { action: Deny }]
  egress: [{ action: Allow }]
`,
    { cast: { pods: { web: { profiles: ["shy", "kns.shop"] } } }, closed: "all -> web : tcp/8080 udp" },
  ),
  situation(
    "profiles are not asked in a direction that a policy captures",
    `
kind: Profile
metadata: { name: open }
spec: { ingress: [{ action: Allow }], egress: [{ action: Allow }] }
---
kind: NetworkPolicy
metadata: { name: udp, namespace: shop }
spec: { selector: app == 'web', ingress: [{ action: Allow, protocol: UDP }] }
`,
    { cast: { pods: { web: { profiles: ["open"] } } }, closed: "all -> web : tcp" },
  ),
  situation("the built-in profile lets everything through", "", {
    cast: { pods: { web: { profiles: ["projectcalico-default-allow"] }, mon: { profiles: [] } } },
    closed: "all -> mon; mon -> all",
  }),
  situation(
    "a workload has the labels of its profiles, its own first",
    `
kind: Profile
metadata: { name: marked }
spec:
  ingress: [{ action: Allow }]
  egress: [{ action: Allow }]
  labelsToApply: { zone: red, app: other }
---
kind: GlobalNetworkPolicy
metadata: { name: red }
spec: { selector: zone == 'red' && app == 'web', types: [Ingress] }
---
kind: GlobalNetworkPolicy
metadata: { name: to-db }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { selector: zone == 'red' } }] }
`,
    {
      cast: { pods: { web: { profiles: ["marked"] }, api: { profiles: ["marked"] } } },
      closed: "all -> web; all -web -api -> db",
    },
  ),
  situation(
    "a rule may ask for service accounts by name",
    `
kind: GlobalNetworkPolicy
metadata: { name: watchers }
spec: { selector: app == 'api', ingress: [{ action: Allow, source: { serviceAccounts: { names: [watcher, nobody] } } }] }
`,
    { closed: "all -mon -> api" },
  ),
  situation(
    "in a namespaced policy the service accounts are those of the namespace",
    `
kind: NetworkPolicy
metadata: { name: watchers, namespace: shop }
spec: { selector: app == 'api', ingress: [{ action: Allow, source: { serviceAccounts: { names: [watcher] } } }] }
`,
    { cast: { pods: { web: { serviceAccount: "watcher" } } }, closed: "all -web -> api" },
  ),
  situation(
    "a rule may ask for service accounts by their labels",
    `
kind: GlobalNetworkPolicy
metadata: { name: lookers }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { serviceAccounts: { selector: duty == 'look' } } }] }
`,
    { cast: { pods: { bench: { serviceAccount: "watcher" } } }, closed: "all -mon -> db" },
  ),
  situation(
    "a policy may be for workloads of certain service accounts",
    `
kind: GlobalNetworkPolicy
metadata: { name: watchers-stay }
spec:
  serviceAccountSelector: duty == 'look'
  egress: [{ action: Allow, destination: { selector: app == 'api' } }]
`,
    { closed: "mon -> all -api" },
  ),
];
