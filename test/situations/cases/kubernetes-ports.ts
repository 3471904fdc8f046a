import { type Situation, situation } from "../situation.ts";

const manyPorts = "tcp/80 tcp/81 tcp/443 tcp/8080 tcp/8081 tcp/9000 udp/53 udp/80";

/** Kubernetes NetworkPolicy: ports by number, range and name. */
export const kubernetesPorts: readonly Situation[] = [
  situation(
    "a port without a protocol is a TCP port",
    `
kind: KubernetesNetworkPolicy
metadata: { name: web-80, namespace: shop }
spec: { podSelector: { matchLabels: { app: web } }, ingress: [{ ports: [{ port: 80 }] }] }
`,
    { services: "tcp/80 tcp/443 udp/80", closed: "all -> web : tcp/443 udp" },
  ),
  situation(
    "the same number of two protocols is two ports",
    `
kind: KubernetesNetworkPolicy
metadata: { name: udp-80, namespace: shop }
spec: { podSelector: { matchLabels: { app: db } }, ingress: [{ ports: [{ port: 80, protocol: UDP }] }] }
`,
    { services: "tcp/80 udp/80 udp/53", closed: "all -> db : tcp udp/53" },
  ),
  situation(
    "a protocol without a port means all its ports",
    `
kind: KubernetesNetworkPolicy
metadata: { name: any-udp, namespace: shop }
spec: { podSelector: {}, ingress: [{ ports: [{ protocol: UDP }] }] }
`,
    { services: "tcp/80 udp/80 udp/53", closed: "all -> shop : tcp" },
  ),
  situation(
    "endPort makes a range with both ends in it",
    `
kind: KubernetesNetworkPolicy
metadata: { name: range, namespace: shop }
spec: { podSelector: {}, ingress: [{ ports: [{ port: 81, endPort: 8080 }] }] }
`,
    {
      services: manyPorts,
      actors: ["web", "db", "bench", "out"],
      closed: "all -> shop : tcp/80 tcp/8081 tcp/9000 udp",
    },
  ),
  situation(
    "ports that lie next to each other and overlap are the same as their union",
    `
kind: KubernetesNetworkPolicy
metadata: { name: heap, namespace: shop }
spec:
  podSelector: { matchLabels: { app: web } }
  ingress:
    - ports:
        - { port: 443 }
        - { port: 80 }
        - { port: 81 }
        - { port: 8000, endPort: 8080 }
        - { port: 8050, endPort: 8100 }
`,
    { services: manyPorts, actors: ["web", "bench", "mon", "out"], closed: "all -> web : tcp/9000 udp" },
  ),
  situation(
    "a named port is that number on each pod that gives it the name",
    `
kind: KubernetesNetworkPolicy
metadata: { name: by-name, namespace: shop }
spec: { podSelector: {}, ingress: [{ ports: [{ port: http }] }] }
`,
    {
      services: "tcp/80 tcp/443 tcp/8080 udp/80",
      open: "all -> lab ops out; all -> web : tcp/80; all -> api : tcp/8080",
    },
  ),
  situation(
    "a named port of UDP is not the TCP port of that name",
    `
kind: KubernetesNetworkPolicy
metadata: { name: udp-name, namespace: shop }
spec: { podSelector: {}, ingress: [{ ports: [{ port: http, protocol: UDP }] }] }
`,
    { services: "tcp/80 tcp/8080 udp/80", open: "all -> lab ops out; all -> db : udp" },
  ),
  situation(
    "a name that no pod has opens nothing",
    `
kind: KubernetesNetworkPolicy
metadata: { name: nameless, namespace: lab }
spec: { podSelector: {}, ingress: [{ ports: [{ port: telnet }] }] }
`,
    { closed: "all -> lab" },
  ),
  situation(
    "on the way out a named port is looked up at the pods that the peer selects",
    `
kind: KubernetesNetworkPolicy
metadata: { name: out-by-name, namespace: lab }
spec:
  podSelector: { matchLabels: { app: bench } }
  policyTypes: [Egress]
  egress: [{ to: [{ namespaceSelector: { matchLabels: { team: sales } } }], ports: [{ port: http }] }]
`,
    {
      services: "tcp/80 tcp/443 tcp/8080",
      closed: "bench -> sink mon db out; bench -> web : tcp/443 tcp/8080; bench -> api : tcp/80 tcp/443",
    },
  ),
  situation(
    "peers and ports of one rule must hold together, of two rules one is enough",
    `
kind: KubernetesNetworkPolicy
metadata: { name: two-rules, namespace: shop }
spec:
  podSelector: { matchLabels: { app: api } }
  ingress:
    - from: [{ podSelector: { matchLabels: { app: web } } }]
      ports: [{ port: 8080 }]
    - from: [{ namespaceSelector: { matchLabels: { team: science } } }]
      ports: [{ port: 80 }, { port: 53, protocol: UDP }]
`,
    { closed: "db out -> api; web -> api : tcp/80 udp; lab ops -> api : tcp/8080" },
  ),
  situation(
    "a rule with one port that nobody can read opens nothing, and the other rules stay in force",
    `
kind: KubernetesNetworkPolicy
metadata: { name: broken, namespace: shop }
spec:
  podSelector: { matchLabels: { app: api } }
  ingress:
    - ports: [{ port: 80 }, { port: 9000, endPort: 8000 }]
    - ports: [{ port: 8080 }]
`,
    { closed: "all -> api : tcp/80 udp" },
  ),
  situation(
    "a rule with one block that nobody can read opens nothing, least of all everything",
    `
kind: KubernetesNetworkPolicy
metadata: { name: broken-block, namespace: shop }
spec:
  podSelector: { matchLabels: { app: web } }
  ingress:
    - from: [{ ipBlock: { cidr: 198.51.100.7 } }]
    - from: [{ podSelector: { matchLabels: { app: db } } }]
`,
    { closed: "all -db -> web" },
  ),
  situation(
    "SCTP ports are told from those of TCP",
    `
kind: KubernetesNetworkPolicy
metadata: { name: signalling, namespace: shop }
spec: { podSelector: {}, ingress: [{ ports: [{ port: 80, protocol: SCTP }] }] }
`,
    { services: "sctp/80 sctp/443 tcp/80", closed: "all -> shop : sctp/443 tcp" },
  ),
  situation(
    "an isolated pod answers no pings unless a rule without ports lets the sender in",
    `
kind: KubernetesNetworkPolicy
metadata: { name: shut, namespace: shop }
spec:
  podSelector: { matchLabels: { tier: back } }
  ingress:
    - from: [{ podSelector: { matchLabels: { app: web } } }]
    - ports: [{ port: 80 }]
`,
    { services: "tcp/80 udp/53 ping", closed: "all -web -> api db : udp ping" },
  ),
];
