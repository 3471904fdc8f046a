import { type Situation, changing } from "../situation.ts";

const fromWeb = `
kind: NetworkPolicy
metadata: { name: from-web, namespace: shop }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { selector: app == 'web' } }] }
`;

const tierOf = (name: string, order: number) => `
kind: Tier
metadata: { name: ${name} }
spec: { order: ${order}, defaultAction: Pass }
---
`;

/** What changes while everything runs: the next try finds it changed, and what is taken back is as before. */
export const changes: readonly Situation[] = [
  changing("a policy that is written, changed and deleted is in force, in force as changed, and gone", {}, [
    { policies: "", closed: "" },
    { policies: fromWeb, closed: "all -web -> db" },
    { policies: fromWeb.replace("'web'", "'api'"), closed: "all -api -> db" },
    { policies: "", closed: "" },
  ]),
  changing("a workload that gets a label is let in by it, and no more when it loses it", {}, [
    { policies: fromWeb, closed: "all -web -> db" },
    { cast: { pods: { api: { labels: { app: "web" } } } }, closed: "all -web -api -> db" },
    { closed: "all -web -> db" },
  ]),
  changing("a workload that gets a label comes under a policy by it, on either host", {}, [
    {
      policies: `
kind: GlobalNetworkPolicy
metadata: { name: quarantine }
spec: { selector: sick == 'yes', types: [Ingress, Egress] }
`,
      closed: "",
    },
    {
      cast: {
        pods: { bench: { labels: { app: "bench", sick: "yes" } }, mon: { labels: { app: "mon", sick: "yes" } } },
      },
      closed: "bench mon -> all; all -> bench mon",
    },
    { cast: { pods: { mon: { labels: { sick: "no" } } } }, closed: "" },
  ]),
  changing("labels of a namespace change whom its workloads reach", {}, [
    {
      policies: `
kind: KubernetesNetworkPolicy
metadata: { name: sales, namespace: shop }
spec: { podSelector: {}, ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: sales } } }] }] }
`,
      closed: "lab ops out -> shop",
    },
    { cast: { namespaces: { lab: { team: "sales" } } }, closed: "ops out -> shop" },
    { cast: { namespaces: { lab: { team: "sales" }, shop: { team: "science" } } }, closed: "shop ops out -> shop" },
    { closed: "lab ops out -> shop" },
  ]),
  changing("labels of a namespace change which policies hold in it", {}, [
    {
      policies: `
kind: GlobalNetworkPolicy
metadata: { name: tests }
spec: { namespaceSelector: stage == 'test', types: [Ingress], ingress: [{ action: Allow, protocol: UDP }] }
`,
      closed: "all -> lab : tcp",
    },
    { cast: { namespaces: { lab: {}, ops: { stage: "test" } } }, closed: "all -> mon : tcp" },
    { closed: "all -> lab : tcp" },
  ]),
  changing("a workload that moves to another namespace leaves the policies of the old one", {}, [
    {
      policies: `
kind: NetworkPolicy
metadata: { name: shut, namespace: shop }
spec: { types: [Ingress] }
`,
      closed: "all -> shop",
    },
    { cast: { pods: { api: { namespace: "ops" } } }, closed: "all -> web db" },
    { closed: "all -> shop" },
  ]),
  changing("a named port follows its number, workload by workload", { services: "tcp/80 tcp/443 tcp/8080" }, [
    {
      policies: `
kind: NetworkPolicy
metadata: { name: http, namespace: shop }
spec: { ingress: [{ action: Allow, protocol: TCP, destination: { ports: [http] } }] }
`,
      closed: "all -> web : tcp/443 tcp/8080; all -> api : tcp/80 tcp/443; all -> db",
    },
    {
      cast: { pods: { web: { ports: [{ name: "http", protocol: "TCP", port: 443 }] } } },
      closed: "all -> web : tcp/80 tcp/8080; all -> api : tcp/80 tcp/443; all -> db",
    },
    {
      cast: {
        pods: { web: { ports: [] }, db: { ports: [{ name: "http", protocol: "TCP", port: 8080 }] } },
      },
      closed: "all -> web; all -> api : tcp/80 tcp/443; all -> db : tcp/80 tcp/443",
    },
  ]),
  changing("a set that gains and loses nets, and loses its label, counts as it is", {}, [
    {
      policies: `
kind: GlobalNetworkSet
metadata: { name: friends, labels: { kin: friend } }
spec: { nets: [198.51.100.0/24] }
---
kind: GlobalNetworkPolicy
metadata: { name: friends }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { selector: kin == 'friend' } }] }
`,
      closed: "pods -> db; out -> db : v6",
    },
    {
      policies: `
kind: GlobalNetworkSet
metadata: { name: friends, labels: { kin: friend } }
spec: { nets: [198.51.100.7/32, "2001:db8:a::/48", 10.10.1.0/24] }
---
kind: GlobalNetworkPolicy
metadata: { name: friends }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { selector: kin == 'friend' } }] }
`,
      closed: "pods -> db : v6; sink mon -> db",
    },
    {
      policies: `
kind: GlobalNetworkSet
metadata: { name: friends, labels: { kin: stranger } }
spec: { nets: [198.51.100.7/32, "2001:db8:a::/48", 10.10.1.0/24] }
---
kind: GlobalNetworkPolicy
metadata: { name: friends }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { selector: kin == 'friend' } }] }
`,
      closed: "all -> db",
    },
  ]),
  changing("policies that swap their orders swap their effect", {}, [
    {
      policies: `
kind: NetworkPolicy
metadata: { name: one, namespace: shop }
spec: { order: 1, selector: app == 'web', ingress: [{ action: Allow }] }
---
kind: NetworkPolicy
metadata: { name: two, namespace: shop }
spec: { order: 2, selector: app == 'web', ingress: [{ action: Deny }] }
`,
      closed: "",
    },
    {
      policies: `
kind: NetworkPolicy
metadata: { name: one, namespace: shop }
spec: { order: 3, selector: app == 'web', ingress: [{ action: Allow }] }
---
kind: NetworkPolicy
metadata: { name: two, namespace: shop }
spec: { order: 2, selector: app == 'web', ingress: [{ action: Deny }] }
`,
      closed: "all -> web",
    },
  ]),
  changing("tiers that swap their orders swap their effect, and a tier that goes takes its place behind all", {}, [
    {
      policies: `${tierOf("first", 10)}${tierOf("second", 20)}
kind: GlobalNetworkPolicy
metadata: { name: allow }
spec: { tier: first, selector: app == 'api', ingress: [{ action: Allow, protocol: TCP }] }
---
kind: GlobalNetworkPolicy
metadata: { name: deny }
spec: { tier: second, selector: app == 'api', ingress: [{ action: Deny, destination: { ports: [http] } }] }
`,
      closed: "",
    },
    {
      policies: `${tierOf("first", 30)}${tierOf("second", 20)}
kind: GlobalNetworkPolicy
metadata: { name: allow }
spec: { tier: first, selector: app == 'api', ingress: [{ action: Allow, protocol: TCP }] }
---
kind: GlobalNetworkPolicy
metadata: { name: deny }
spec: { tier: second, selector: app == 'api', ingress: [{ action: Deny, destination: { ports: [http] } }] }
`,
      closed: "all -> api : tcp/8080",
    },
    {
      policies: `${tierOf("second", 20)}
kind: GlobalNetworkPolicy
metadata: { name: allow }
spec: { tier: first, selector: app == 'api', ingress: [{ action: Allow, protocol: TCP }] }
---
kind: GlobalNetworkPolicy
metadata: { name: deny }
spec: { tier: second, selector: app == 'api', ingress: [{ action: Deny, destination: { ports: [http] } }] }
`,
      closed: "all -> api : tcp/8080 udp",
    },
  ]),
  changing("a policy that is moved to another tier is asked there", {}, [
    {
      policies: `${tierOf("early", 1)}
kind: NetworkPolicy
metadata: { name: gate, namespace: shop }
spec: { tier: early, selector: app == 'web', ingress: [{ action: Deny, protocol: UDP }] }
---
kind: NetworkPolicy
metadata: { name: main, namespace: shop }
spec: { order: 1, selector: app == 'web', ingress: [{ action: Allow }] }
`,
      closed: "all -> web : udp",
    },
    {
      policies: `${tierOf("early", 1)}
kind: NetworkPolicy
metadata: { name: gate, namespace: shop }
spec: { selector: app == 'web', ingress: [{ action: Deny, protocol: UDP }] }
---
kind: NetworkPolicy
metadata: { name: main, namespace: shop }
spec: { order: 1, selector: app == 'web', ingress: [{ action: Allow }] }
`,
      closed: "",
    },
  ]),
  changing("a workload that loses its profile is shut, until it gets one back", {}, [
    { policies: "", cast: { pods: { sink: { profiles: [] } } }, closed: "all -> sink; sink -> all" },
    { cast: { pods: { sink: { profiles: ["projectcalico-default-allow"] } } }, closed: "" },
  ]),
  changing("a service account that gets other labels takes its workloads along", {}, [
    {
      policies: `
kind: GlobalNetworkPolicy
metadata: { name: lookers }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { serviceAccounts: { selector: duty == 'look' } } }] }
`,
      closed: "all -mon -> db",
    },
    {
      policies: `
kind: GlobalNetworkPolicy
metadata: { name: lookers }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { serviceAccounts: { selector: duty == 'look' } } }] }
---
kind: ServiceAccount
metadata: { name: watcher, namespace: ops, labels: { duty: sleep } }
`,
      closed: "all -> db",
    },
  ]),
  changing("a staged policy that is enforced at last denies from then on", {}, [
    {
      policies: `
kind: StagedNetworkPolicy
metadata: { name: shut, namespace: lab }
spec: { types: [Ingress] }
`,
      closed: "",
    },
    {
      policies: `
kind: NetworkPolicy
metadata: { name: shut, namespace: lab }
spec: { types: [Ingress] }
`,
      closed: "all -> lab",
    },
  ]),
  changing(
    "a host endpoint that comes shuts its host, a policy opens it, and all is open when it goes",
    { actors: ["web", "db", "out", "alpha"], services: "tcp/22 tcp/80 udp/80" },
    [
      { policies: "", closed: "web -> alpha" },
      {
        policies: `
kind: HostEndpoint
metadata: { name: alpha-eth0, labels: { role: edge } }
spec: { node: alpha, interfaceName: eth0 }
`,
        closed: "web -> alpha; db out -> alpha : tcp/80 udp; alpha -> db out",
      },
      {
        policies: `
kind: HostEndpoint
metadata: { name: alpha-eth0, labels: { role: edge } }
spec: { node: alpha, interfaceName: eth0 }
---
kind: GlobalNetworkPolicy
metadata: { name: edge }
spec: { selector: role == 'edge', ingress: [{ action: Allow, protocol: TCP }], egress: [{ action: Allow }] }
`,
        closed: "web -> alpha; db out -> alpha : udp",
      },
      { policies: "", closed: "web -> alpha" },
    ],
  ),
];
