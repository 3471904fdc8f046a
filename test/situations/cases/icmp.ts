import { type Situation, situation } from "../situation.ts";

const services = "ping tcp/80 udp/53";

/** ICMP in its two versions, and SCTP. */
export const icmp: readonly Situation[] = [
  situation(
    "a rule for ICMP is about IPv4, one for ICMPv6 about IPv6",
    `
kind: NetworkPolicy
metadata: { name: four, namespace: shop }
spec: { selector: app == 'web', ingress: [{ action: Allow, protocol: ICMP }] }
---
kind: NetworkPolicy
metadata: { name: six, namespace: shop }
spec: { selector: app == 'db', ingress: [{ action: Allow, protocol: ICMPv6 }] }
`,
    { services, closed: "all -> web db : tcp udp; all -> web : ping v6; all -> db : ping v4" },
  ),
  situation(
    "ICMP rules may ask for a type and a code",
    `
kind: GlobalNetworkPolicy
metadata: { name: echoes }
spec:
  selector: tier == 'back'
  types: [Ingress]
  ingress:
    - { action: Allow, protocol: ICMP, icmp: { type: 8, code: 0 } }
    - { action: Allow, protocol: ICMPv6, icmp: { type: 129 } }
    - { action: Allow, protocol: TCP }
`,
    { services, closed: "all -> api db : udp; all -> api db : ping v6" },
  ),
  situation(
    "a type may be excepted",
    `
kind: GlobalNetworkPolicy
metadata: { name: no-echoes }
spec:
  selector: app == 'mon'
  types: [Ingress]
  ingress:
    - { action: Allow, notICMP: { type: 8 }, ipVersion: 4 }
    - { action: Allow, notProtocol: ICMPv6, ipVersion: 6 }
`,
    { services, closed: "all -> mon : ping" },
  ),
  situation(
    "pings are policed on the way out, too",
    `
kind: NetworkPolicy
metadata: { name: quiet, namespace: lab }
spec:
  types: [Egress]
  egress:
    - { action: Deny, protocol: ICMP }
    - { action: Deny, protocol: ICMPv6, destination: { selector: app == 'mon', namespaceSelector: all() } }
    - { action: Allow }
`,
    { services, closed: "lab -> all : ping v4; lab -> mon : ping" },
  ),
  situation(
    "SCTP has ports and names as the others have",
    `
kind: NetworkPolicy
metadata: { name: signalling, namespace: shop }
spec:
  ingress:
    - { action: Allow, protocol: SCTP, destination: { ports: ["80:90"] } }
    - { action: Allow, protocol: SCTP, destination: { ports: [link] } }
`,
    {
      services: "sctp/80 sctp/443 sctp/9000 tcp/80",
      cast: {
        pods: {
          db: {
            ports: [
              { name: "link", protocol: "SCTP", port: 9000 },
              { name: "link", protocol: "TCP", port: 80 },
            ],
          },
        },
      },
      open: "all -> lab ops out; all -> shop : sctp/80; all -> db : sctp/9000",
    },
  ),
  situation(
    "a rule without a protocol is for every protocol",
    `
kind: NetworkPolicy
metadata: { name: any, namespace: shop }
spec: { selector: app == 'api', ingress: [{ action: Allow, source: { selector: app == 'db' } }] }
`,
    { services: "sctp/80 ping tcp/80 udp/53", closed: "all -db -> api" },
  ),
];
