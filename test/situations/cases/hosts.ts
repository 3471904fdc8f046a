import type { ActorName } from "../cast.ts";
import { type Situation, situation } from "../situation.ts";

const actors: readonly ActorName[] = ["web", "db", "out", "alpha", "beta"];
const services = "tcp/22 tcp/80 tcp/8080 udp/53 udp/80";
const stage = { actors, services };

/** By default no workload gets to its own host, whatever its policies say. */
const own = "web -> alpha; db -> beta";

const edge = `
kind: HostEndpoint
metadata: { name: alpha-eth0, labels: { role: edge } }
spec: { node: alpha, interfaceName: eth0, profiles: [projectcalico-default-allow] }
`;
const bareEdge = edge.replace("[projectcalico-default-allow]", "[]");

/** Hosts and their interfaces. */
export const hostCases: readonly Situation[] = [
  situation("hosts without host endpoints are open, but not to their own workloads", "", { ...stage, closed: own }),
  situation(
    "a host reaches its own workloads whatever their policies say, and those of others only if they let it in",
    `
kind: GlobalNetworkPolicy
metadata: { name: shut }
spec: { namespaceSelector: all(), types: [Ingress] }
`,
    { ...stage, open: "out hosts -> hosts; web -> beta; db -> alpha; pods hosts -> out; alpha -> web; beta -> db" },
  ),
  situation(
    "workloads get to their hosts when the settings say Accept, as far as their own policies let them out",
    `
kind: FelixConfiguration
metadata: { name: default }
spec: { defaultEndpointToHostAction: Accept }
---
kind: NetworkPolicy
metadata: { name: web-out, namespace: shop }
spec: { selector: app == 'web', egress: [{ action: Allow, protocol: UDP }] }
`,
    { ...stage, closed: "web -> all : tcp" },
  ),
  situation(
    "the settings of one host are not those of another",
    `
kind: FelixConfiguration
metadata: { name: node.beta }
spec: { defaultEndpointToHostAction: Return }
`,
    { ...stage, closed: "web -> alpha" },
  ),
  situation(
    "a host endpoint that nothing is said about shuts its host but for the failsafe ports, and lets workloads be",
    bareEdge,
    {
      ...stage,
      closed: `${own}; out db beta -> alpha : tcp/80 tcp/8080 udp; alpha -> out db beta : tcp udp/80`,
    },
  ),
  situation("a profile opens a host endpoint", edge, { ...stage, closed: own }),
  situation(
    "policies select host endpoints by their labels",
    `${bareEdge}
---
kind: GlobalNetworkPolicy
metadata: { name: edge }
spec:
  selector: role == 'edge'
  ingress: [{ action: Allow, protocol: TCP, source: { nets: [198.51.100.0/24] }, destination: { ports: [80] } }]
  egress: [{ action: Allow, protocol: TCP, destination: { selector: app == 'db' } }]
`,
    {
      ...stage,
      closed: `${own}
        db beta -> alpha : tcp/80 tcp/8080 udp
        out -> alpha : tcp/8080 udp; out -> alpha : tcp/80 v6
        alpha -> out beta : tcp udp/80; alpha -> db : udp/80`,
    },
  ),
  situation(
    "a global policy for all() selects host endpoints too, one for all namespaces does not",
    `${edge}
---
kind: GlobalNetworkPolicy
metadata: { name: a-namespaces }
spec: { namespaceSelector: all(), order: 1, types: [Ingress], ingress: [{ action: Allow }] }
---
kind: GlobalNetworkPolicy
metadata: { name: b-everything }
spec: { order: 2, types: [Ingress] }
`,
    { ...stage, closed: `${own}; out db beta -> alpha : tcp/80 tcp/8080 udp` },
  ),
  situation(
    "failsafe ports stay open whatever policies deny",
    `${edge}
---
kind: GlobalNetworkPolicy
metadata: { name: shut }
spec: { selector: role == 'edge', ingress: [{ action: Deny }], egress: [{ action: Deny }] }
`,
    {
      ...stage,
      closed: `${own}; out db beta -> alpha : tcp/80 tcp/8080 udp; alpha -> out db beta : tcp udp/80`,
    },
  ),
  situation(
    "failsafe ports are a setting, and may be for some remote addresses only",
    `${bareEdge}
---
kind: FelixConfiguration
metadata: { name: default }
spec:
  failsafeInboundHostPorts: [{ protocol: TCP, port: 8080, net: 198.51.100.0/24 }, { protocol: UDP, port: 80 }]
  failsafeOutboundHostPorts: []
`,
    {
      ...stage,
      closed: `${own}
        out db beta -> alpha : tcp/22 tcp/80 udp/53
        db beta -> alpha : tcp/8080; out -> alpha : tcp/8080 v6
        alpha -> out db beta`,
    },
  ),
  situation(
    "a host endpoint may be found by its addresses",
    `
kind: HostEndpoint
metadata: { name: by-address, labels: { role: edge } }
spec: { node: alpha, expectedIPs: [192.0.2.1] }
---
kind: GlobalNetworkPolicy
metadata: { name: edge }
spec: { selector: role == 'edge', types: [Ingress, Egress], ingress: [{ action: Allow, protocol: UDP }], egress: [{ action: Allow }] }
`,
    { ...stage, closed: `${own}; out db beta -> alpha : tcp/80 tcp/8080` },
  ),
  situation(
    "of two host endpoints for one interface the first by name has it",
    `
kind: HostEndpoint
metadata: { name: b-second }
spec: { node: alpha, interfaceName: eth0 }
---
kind: HostEndpoint
metadata: { name: a-first }
spec: { node: alpha, interfaceName: eth0, profiles: [projectcalico-default-allow] }
`,
    { ...stage, closed: own },
  ),
  situation(
    "one for every interface is for those that have none of their own",
    `
kind: HostEndpoint
metadata: { name: alpha-all }
spec: { node: alpha, interfaceName: "*" }
---
kind: HostEndpoint
metadata: { name: beta-all }
spec: { node: beta, interfaceName: "*" }
---
kind: HostEndpoint
metadata: { name: beta-eth0 }
spec: { node: beta, interfaceName: eth0, profiles: [projectcalico-default-allow] }
`,
    {
      ...stage,
      closed: `${own}; out db beta -> alpha : tcp/80 tcp/8080 udp; alpha -> out db beta : tcp udp/80`,
    },
  ),
  situation(
    "rules find hosts by the labels of their host endpoints and expected addresses",
    `
kind: HostEndpoint
metadata: { name: alpha-eth0, labels: { role: edge } }
spec:
  node: alpha
  interfaceName: eth0
  expectedIPs: [192.0.2.1, "2001:db8:1::1"]
  profiles: [projectcalico-default-allow]
---
kind: NetworkPolicy
metadata: { name: from-edge, namespace: shop }
spec:
  selector: app == 'db'
  ingress: [{ action: Allow, source: { selector: role == 'edge', namespaceSelector: global() } }]
`,
    { ...stage, closed: `${own}; web out -> db` },
  ),
  situation(
    "host endpoints have named ports",
    `
kind: HostEndpoint
metadata: { name: alpha-eth0, labels: { role: edge } }
spec:
  node: alpha
  interfaceName: eth0
  expectedIPs: [192.0.2.1, "2001:db8:1::1"]
  ports: [{ name: api, protocol: TCP, port: 8080 }, { name: api, protocol: UDP, port: 80 }]
---
kind: GlobalNetworkPolicy
metadata: { name: edge }
spec:
  selector: role == 'edge'
  types: [Ingress, Egress]
  ingress: [{ action: Allow, destination: { ports: [api] } }]
  egress: [{ action: Allow }]
`,
    { ...stage, closed: `${own}; out db beta -> alpha : tcp/80 udp/53` },
  ),
  situation(
    "a workload is let in by the policies of its own alone, unless those of the host's interface apply to what is forwarded",
    `${edge}
---
kind: GlobalNetworkPolicy
metadata: { name: shut-host }
spec: { selector: role == 'edge', types: [Ingress, Egress] }
---
kind: NetworkPolicy
metadata: { name: web-tcp, namespace: shop }
spec: { selector: app == 'web', ingress: [{ action: Allow, protocol: TCP }] }
`,
    {
      ...stage,
      closed: `${own}
        out db beta -> alpha : tcp/80 tcp/8080 udp; alpha -> out db beta : tcp udp/80
        out db beta -> web : udp`,
    },
  ),
  situation(
    "with applyOnForward the policies of an interface hold for workloads behind it, both ways",
    `${edge}
---
kind: GlobalNetworkPolicy
metadata: { name: edge }
spec:
  selector: role == 'edge'
  applyOnForward: true
  types: [Ingress, Egress]
  ingress: [{ action: Allow, protocol: TCP, destination: { ports: [80] } }]
  egress: [{ action: Allow, protocol: UDP }]
`,
    {
      ...stage,
      closed: `${own}
        out db beta -> alpha : tcp/8080 udp; alpha -> out db beta : tcp
        out db beta -> web : tcp/22 tcp/8080 udp; web -> out db beta : tcp`,
    },
  ),
  situation(
    "what the interface lets through the workload may still refuse",
    `${edge}
---
kind: GlobalNetworkPolicy
metadata: { name: edge }
spec: { selector: role == 'edge', applyOnForward: true, types: [Ingress], ingress: [{ action: Allow, protocol: TCP }] }
---
kind: NetworkPolicy
metadata: { name: web, namespace: shop }
spec: { selector: app == 'web', ingress: [{ action: Allow, destination: { ports: [http] } }, { action: Allow, protocol: UDP }] }
`,
    {
      ...stage,
      closed: `${own}; out db beta -> alpha : udp; out db beta -> web : tcp/22 tcp/8080 udp`,
    },
  ),
  situation(
    "a policy before translation denies for the host and for workloads behind it, and allows nothing by itself",
    `${bareEdge}
---
kind: GlobalNetworkPolicy
metadata: { name: early }
spec:
  selector: role == 'edge'
  applyOnForward: true
  preDNAT: true
  types: [Ingress]
  ingress:
    - { action: Allow, protocol: TCP, destination: { ports: [80] } }
    - { action: Deny, source: { nets: [198.51.100.0/24] } }
    - { action: Pass }
`,
    {
      actors,
      services: "tcp/80 tcp/8080 udp/53 udp/80",
      closed: `${own}
        out db beta -> alpha; alpha -> out db beta : tcp udp/80
        out -> web : tcp/8080 udp v4`,
    },
  ),
  situation(
    "an untracked Deny closes the host and what is behind it, an untracked Allow needs its way back allowed",
    `${edge}
---
kind: GlobalNetworkPolicy
metadata: { name: raw }
spec:
  selector: role == 'edge'
  applyOnForward: true
  doNotTrack: true
  order: 1
  types: [Ingress, Egress]
  ingress:
    - { action: Deny, protocol: UDP, source: { nets: [198.51.100.0/24] } }
    - { action: Deny, protocol: UDP, source: { nets: ["2001:db8:a::/48"] } }
    - { action: Allow, protocol: TCP, destination: { nets: [192.0.2.1/32], ports: [80, 8080] } }
    - { action: Pass }
  egress: [{ action: Allow, protocol: TCP, source: { nets: [192.0.2.1/32], ports: [80] } }, { action: Pass }]
`,
    {
      ...stage,
      closed: `${own}; out -> alpha web : udp; alpha web -> out : udp/80; out db beta -> alpha : tcp/8080 v4`,
    },
  ),
  situation(
    "the way out of a host is policed at its interface, to workloads elsewhere as to strangers",
    `${edge}
---
kind: GlobalNetworkPolicy
metadata: { name: out }
spec: { selector: role == 'edge', types: [Egress], egress: [{ action: Allow, protocol: TCP, destination: { ports: [80] } }] }
`,
    { ...stage, closed: `${own}; alpha -> out db beta : tcp/22 tcp/8080 udp/80` },
  ),
  situation(
    "pings to a shut host are not answered",
    `${bareEdge}
---
kind: GlobalNetworkPolicy
metadata: { name: edge }
spec: { selector: role == 'edge', types: [Ingress], ingress: [{ action: Allow, protocol: ICMP, icmp: { type: 8 } }] }
`,
    { actors, services: "ping tcp/22", closed: `${own}; out db beta -> alpha : ping v6; alpha -> out db beta` },
  ),
  situation(
    "host endpoints for all interfaces of all hosts, open by their profile: only what a policy denies changes, and never the way to their own workloads",
    `
kind: HostEndpoint
metadata: { name: alpha-auto, labels: { made-by: controller } }
spec: { node: alpha, interfaceName: "*", expectedIPs: [192.0.2.1, "2001:db8:1::1"], profiles: [projectcalico-default-allow] }
---
kind: HostEndpoint
metadata: { name: beta-auto, labels: { made-by: controller } }
spec: { node: beta, interfaceName: "*", expectedIPs: [192.0.2.5, "2001:db8:2::1"], profiles: [projectcalico-default-allow] }
---
kind: GlobalNetworkPolicy
metadata: { name: hosts }
spec:
  selector: made-by == 'controller'
  types: [Ingress, Egress]
  ingress:
    - { action: Allow, source: { selector: made-by == 'controller' } }
    - { action: Deny, protocol: TCP, destination: { ports: ["80:8080"] } }
    - { action: Pass }
  egress: [{ action: Deny, protocol: UDP, destination: { ports: [80] } }, { action: Pass }]
`,
    {
      ...stage,
      closed: `${own}; db out -> alpha : tcp/80 tcp/8080; web out -> beta : tcp/80 tcp/8080; alpha -> out db beta : udp/80; beta -> out web alpha : udp/80`,
    },
  ),
];
