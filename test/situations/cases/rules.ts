import { type Situation, situation } from "../situation.ts";

/** Rules of NetworkPolicy and GlobalNetworkPolicy: actions, ends, ports, protocols. */
export const rules: readonly Situation[] = [
  situation(
    "a selector in a rule of a namespaced policy finds workloads of that namespace only",
    `
kind: NetworkPolicy
metadata: { name: from-web, namespace: shop }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { selector: app == 'web' } }] }
`,
    { closed: "all -web -> db" },
  ),
  situation(
    "a selector in a rule of a global policy finds workloads of all namespaces",
    `
kind: GlobalNetworkPolicy
metadata: { name: from-web }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { selector: app == 'web' } }] }
`,
    { closed: "all -web -sink -> db" },
  ),
  situation(
    "a global policy selects workloads of all namespaces",
    `
kind: GlobalNetworkPolicy
metadata: { name: shut-web }
spec: { selector: app == 'web', types: [Ingress] }
`,
    { closed: "all -> web sink" },
  ),
  situation(
    "a global policy with a namespace selector selects workloads of those namespaces",
    `
kind: GlobalNetworkPolicy
metadata: { name: scientists }
spec: { namespaceSelector: team == 'science', types: [Egress] }
`,
    { closed: "lab ops -> all" },
  ),
  situation(
    "a namespaced policy may let in workloads of other namespaces by a namespace selector",
    `
kind: NetworkPolicy
metadata: { name: from-tests, namespace: shop }
spec: { ingress: [{ action: Allow, source: { namespaceSelector: stage == 'test', selector: app == 'web' } }] }
`,
    { closed: "all -sink -> shop" },
  ),
  situation(
    "namespaces are found by their names, too",
    `
kind: GlobalNetworkPolicy
metadata: { name: from-lab }
spec:
  selector: app == 'api'
  ingress: [{ action: Allow, source: { namespaceSelector: projectcalico.org/name == 'lab' } }]
`,
    { closed: "shop ops out -> api" },
  ),
  situation(
    "the first rule that matches decides: Deny before Allow",
    `
kind: NetworkPolicy
metadata: { name: but-udp, namespace: shop }
spec:
  selector: app == 'api'
  ingress: [{ action: Deny, protocol: UDP }, { action: Allow }]
`,
    { closed: "all -> api : udp" },
  ),
  situation(
    "the first rule that matches decides: Allow before Deny",
    `
kind: NetworkPolicy
metadata: { name: only-udp, namespace: shop }
spec:
  selector: app == 'api'
  ingress: [{ action: Allow, protocol: UDP }, { action: Deny }, { action: Allow }]
`,
    { closed: "all -> api : tcp" },
  ),
  situation(
    "Log writes and goes on to the next rule",
    `
kind: NetworkPolicy
metadata: { name: logged, namespace: shop }
spec:
  selector: app == 'web'
  ingress:
    - { action: Log }
    - { action: Deny, protocol: TCP, destination: { ports: [8080] } }
    - { action: Log, protocol: UDP }
    - { action: Allow }
`,
    { closed: "all -> web : tcp/8080" },
  ),
  situation(
    "a list of nets has nothing for packets of the other IP version",
    `
kind: NetworkPolicy
metadata: { name: four, namespace: ops }
spec: { ingress: [{ action: Allow, source: { nets: [10.10.0.0/16, 198.51.100.7/32] } }] }
`,
    { closed: "all -> mon : v6" },
  ),
  situation(
    "a Deny that excepts nets of one IP version does not deny the other version",
    `
kind: NetworkPolicy
metadata: { name: but-first-host, namespace: ops }
spec: { ingress: [{ action: Deny, source: { notNets: [10.10.1.0/24] } }, { action: Allow }] }
`,
    { closed: "db sink out -> mon : v4" },
  ),
  situation(
    "an Allow that excepts nets of one IP version does not allow the other version",
    `
kind: NetworkPolicy
metadata: { name: but-out, namespace: ops }
spec: { ingress: [{ action: Allow, source: { notNets: ["2001:db8:a::/48"] } }] }
`,
    { closed: "all -> mon : v4; out -> mon" },
  ),
  situation(
    "nets and a selector of one end must hold together",
    `
kind: NetworkPolicy
metadata: { name: near-shop, namespace: shop }
spec:
  selector: app == 'db'
  ingress:
    - { action: Allow, source: { nets: [10.10.1.0/24], selector: has(tier) } }
    - { action: Allow, source: { nets: ["fd10:1::/64"], selector: has(tier) } }
`,
    { closed: "bench sink mon out -> db" },
  ),
  situation(
    "both ends of a rule must hold together: what comes in by IPv6 to one address of the subject",
    `
kind: GlobalNetworkPolicy
metadata: { name: to-mon-by-six }
spec:
  namespaceSelector: team == 'science'
  types: [Ingress]
  ingress: [{ action: Allow, source: { selector: has(app) }, destination: { nets: ["fd10:2::9/128"] } }]
`,
    { closed: "all -> lab; all -> mon : v4; out -> mon" },
  ),
  situation(
    "a rule may be for one IP version",
    `
kind: GlobalNetworkPolicy
metadata: { name: six-only }
spec: { selector: app == 'web', types: [Ingress], ingress: [{ action: Allow, ipVersion: 6 }] }
`,
    { closed: "all -> web sink : v4" },
  ),
  situation(
    "ports of a rule may be numbers and ranges",
    `
kind: NetworkPolicy
metadata: { name: ports, namespace: shop }
spec:
  ingress: [{ action: Allow, protocol: TCP, destination: { ports: [80, "443:8080"] } }]
`,
    {
      services: "tcp/80 tcp/81 tcp/443 tcp/8080 tcp/8081 udp/80",
      actors: ["web", "db", "sink", "out"],
      closed: "all -> shop : tcp/81 tcp/8081 udp",
    },
  ),
  situation(
    "excepted ports are all that is left out",
    `
kind: NetworkPolicy
metadata: { name: but-8080, namespace: shop }
spec:
  selector: tier == 'back'
  ingress: [{ action: Allow, protocol: TCP, destination: { notPorts: ["8000:8080", 81] } }]
`,
    {
      services: "tcp/80 tcp/81 tcp/8080 tcp/8081 udp/53",
      actors: ["web", "api", "db", "sink", "out"],
      closed: "all -> api db : tcp/81 tcp/8080 udp",
    },
  ),
  situation(
    "ports of the sender may be asked for: nobody speaks from a low one",
    `
kind: NetworkPolicy
metadata: { name: low, namespace: shop }
spec:
  selector: app == 'web'
  ingress:
    - { action: Allow, protocol: TCP, source: { ports: ["1:1023"] } }
    - { action: Allow, protocol: UDP, source: { ports: ["1024:65535"] } }
`,
    { closed: "all -> web : tcp" },
  ),
  situation(
    "a protocol may be given by its number, and excepted",
    `
kind: NetworkPolicy
metadata: { name: numbers, namespace: shop }
spec:
  selector: tier == 'back'
  ingress:
    - { action: Deny, protocol: 6, destination: { ports: [8080] } }
    - { action: Allow, notProtocol: 17 }
`,
    { services: "tcp/80 tcp/8080 udp/53 ping", closed: "all -> api db : tcp/8080 udp" },
  ),
  situation(
    "a named port without a protocol is every port of that name, whatever its protocol",
    `
kind: NetworkPolicy
metadata: { name: http, namespace: shop }
spec: { ingress: [{ action: Allow, destination: { ports: [http] } }] }
`,
    {
      services: "tcp/80 tcp/8080 udp/80",
      open: "all -> lab ops out; all -> web : tcp/80; all -> api : tcp/8080; all -> db : udp/80",
    },
  ),
  situation(
    "names and numbers in one list of ports are alternatives",
    `
kind: NetworkPolicy
metadata: { name: mixed, namespace: shop }
spec: { ingress: [{ action: Allow, protocol: TCP, destination: { ports: [sql, 8080] } }] }
`,
    {
      services: "tcp/80 tcp/443 tcp/8080",
      open: "all -> lab ops out; all -> shop : tcp/8080; all -> db : tcp/443",
    },
  ),
  situation(
    "an excepted named port is out at those who have it, and only there",
    `
kind: NetworkPolicy
metadata: { name: but-http, namespace: shop }
spec: { ingress: [{ action: Allow, protocol: TCP, destination: { notPorts: [http] } }] }
`,
    { services: "tcp/80 tcp/8080", closed: "all -> web : tcp/80; all -> api : tcp/8080" },
  ),
  situation(
    "what a selector of a namespaced policy is not to find leaves the others of the namespace",
    `
kind: NetworkPolicy
metadata: { name: not-back, namespace: shop }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { notSelector: tier == 'back' } }] }
`,
    { closed: "all -web -> db" },
  ),
  situation(
    "what a selector of a global policy is not to find leaves everybody else, known or not",
    `
kind: GlobalNetworkPolicy
metadata: { name: not-tests }
spec: { selector: app == 'db', ingress: [{ action: Allow, source: { notSelector: stage == 'test' } }] }
`,
    { closed: "lab -> db" },
  ),
  situation(
    "as nobody knows who serves, a rule that allows a service allows nothing, and one that denies it denies all",
    `
kind: NetworkPolicy
metadata: { name: by-service, namespace: shop }
spec:
  selector: app == 'web'
  ingress: [{ action: Allow, source: { services: { name: api, namespace: shop } } }]
---
kind: NetworkPolicy
metadata: { name: no-service, namespace: lab }
spec:
  selector: app == 'bench'
  types: [Egress]
  egress: [{ action: Deny, destination: { services: { name: api, namespace: shop } } }, { action: Allow }]
`,
    { closed: "all -> web; bench -> all" },
  ),
  situation(
    "a policy with rules of one direction is about that direction only",
    `
kind: NetworkPolicy
metadata: { name: way-out, namespace: ops }
spec: { egress: [{ action: Allow, destination: { selector: all(), namespaceSelector: team == 'sales' } }] }
`,
    { closed: "mon -> lab out" },
  ),
  situation(
    "rules of a direction that the types leave out decide nothing",
    `
kind: NetworkPolicy
metadata: { name: typed, namespace: shop }
spec: { selector: app == 'web', types: [Ingress], ingress: [{ action: Allow }], egress: [{ action: Deny }] }
`,
    { closed: "" },
  ),
  situation(
    "denied packets are answered when the settings say Reject",
    `
kind: FelixConfiguration
metadata: { name: default }
spec: { nftablesFilterDenyAction: Reject }
---
kind: NetworkPolicy
metadata: { name: shut, namespace: shop }
spec: { selector: tier == 'back', ingress: [{ action: Deny, protocol: TCP, destination: { ports: [80] } }] }
`,
    { denial: "refused", closed: "all -> api db" },
  ),
  situation(
    "workloads send no VXLAN, whatever their policies say, and receive it as any other datagram",
    `
kind: GlobalNetworkPolicy
metadata: { name: open }
spec: { types: [Ingress, Egress], ingress: [{ action: Allow }], egress: [{ action: Allow }] }
`,
    { services: "udp/4789 udp/53", closed: "pods -> all : udp/4789" },
  ),
  situation(
    "workloads may send VXLAN when the settings say so, and their policies let them",
    `
kind: FelixConfiguration
metadata: { name: default }
spec: { allowVXLANPacketsFromWorkloads: true }
---
kind: NetworkPolicy
metadata: { name: no-tunnels, namespace: lab }
spec: { egress: [{ action: Deny, protocol: UDP, destination: { ports: ["4700:4800"] } }, { action: Allow }] }
`,
    { services: "udp/4789 udp/53", closed: "lab -> all : udp/4789" },
  ),
  situation(
    "everything shut but for some namespaces, and names asked for at one place only: what is not written is denied",
    `
kind: GlobalNetworkPolicy
metadata: { name: closed-by-default }
spec:
  namespaceSelector: projectcalico.org/name not in {'ops'}
  types: [Ingress, Egress]
  egress: [{ action: Allow, protocol: UDP, destination: { selector: app == 'mon', ports: [53] } }]
---
kind: NetworkPolicy
metadata: { name: web-to-db, namespace: shop }
spec: { selector: app == 'web', types: [Egress], egress: [{ action: Allow, destination: { selector: app == 'db' } }] }
---
kind: NetworkPolicy
metadata: { name: db-from-web, namespace: shop }
spec: { selector: app == 'db', ingress: [{ action: Allow, protocol: TCP, source: { selector: app == 'web' } }] }
`,
    { open: "shop lab -> mon : udp; web -> db : tcp; mon -> out; out -> mon" },
  ),
];
