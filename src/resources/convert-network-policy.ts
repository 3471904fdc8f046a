import { type Cidr, type Problem, type Result, cidrVersion, failure, parseCidr, success } from "../lib/index.ts";
import { type PortEntry, groupPorts, isReadablePortName, isWirePort, makeRange } from "./convert-ports.ts";
import { convertUid } from "./convert-uid.ts";
import type {
  KubernetesNetworkPolicy,
  KubernetesNetworkPolicySpec,
  KubernetesPeer,
  KubernetesPort,
} from "./kubernetes-network-policy.ts";
import { namespaceSelectorText, podSelectorText } from "./label-selector.ts";
import type { NetworkPolicy } from "./network-policy.ts";
import type { PolicyType } from "./policy.ts";
import type { ProtocolName } from "./protocol.ts";
import type { EntityRule, Rule } from "./rule.ts";

const order = 1000;

/**
 * Kubernetes' policy as one of ours. Its selectors and lists may be longer than a user's could be. A rule with a bad port or
 * prefix is left out as a whole: all rules allow, so that closes. Fails when the uid is no UUID.
 */
export function convertNetworkPolicy(policy: KubernetesNetworkPolicy): Result<NetworkPolicy> {
  const { name, namespace = "default", uid } = policy.metadata;
  const converted = uid === undefined ? undefined : convertUid(uid);
  if (uid !== undefined && converted === undefined) return failure("metadata.uid", "is no UUID");
  const { podSelector, ingress = [], egress = [] } = policy.spec;
  const ingressRules = ingress.flatMap(({ from, ports }) => convertRule("source", from, ports) ?? []);
  const egressRules = egress.flatMap(({ to, ports }) => convertRule("destination", to, ports) ?? []);
  return success({
    apiVersion: "projectcalico.org/v3",
    kind: "NetworkPolicy",
    metadata: { name, namespace, ...(converted === undefined ? {} : { uid: converted }) },
    spec: {
      tier: "default",
      order,
      selector: podSelectorText(podSelector),
      types: typesOf(policy.spec),
      ...(ingressRules.length === 0 ? {} : { ingress: ingressRules }),
      ...(egressRules.length === 0 ? {} : { egress: egressRules }),
    },
  });
}

function typesOf({ policyTypes = [] }: KubernetesNetworkPolicySpec): PolicyType[] {
  if (policyTypes.length === 0) return ["Ingress"];
  return (["Ingress", "Egress"] as const).filter((type) => policyTypes.includes(type));
}

/** What cannot be converted and would be left out. */
export function checkRules({ ingress = [], egress = [] }: KubernetesNetworkPolicySpec): Problem[] {
  const hint = "every ipBlock needs CIDRs such as 10.0.0.0/8, every port a number, a range or a name";
  const check = (direction: string, rules: readonly (Rule[] | undefined)[]) =>
    rules.flatMap((rule, at): Problem[] =>
      rule === undefined ? [{ path: `spec.${direction}[${at}]`, message: "has a bad port or ipBlock", hint }] : [],
    );
  return [
    ...check(
      "ingress",
      ingress.map(({ from, ports }) => convertRule("source", from, ports)),
    ),
    ...check(
      "egress",
      egress.map(({ to, ports }) => convertRule("destination", to, ports)),
    ),
  ];
}

/** One rule for every group of ports and peer; undefined when anything in it is bad. */
function convertRule(
  end: "source" | "destination",
  peers: readonly KubernetesPeer[] = [],
  ports: readonly KubernetesPort[] = [],
): Rule[] | undefined {
  const entries = ports.map(readPortEntry).filter((entry) => entry !== undefined);
  const entities = peers.map(convertPeer).filter((entity) => entity !== undefined);
  if (entries.length < ports.length || entities.length < peers.length) return undefined;
  return groupPorts(entries).flatMap((group) =>
    (entities.length === 0 ? [{}] : entities).map((entity) => makeRule("Allow", end, entity, group)),
  );
}

/** Ports are always those of the destination. */
export function makeRule(
  action: Rule["action"],
  end: "source" | "destination",
  entity: EntityRule,
  { protocol, ports }: ReturnType<typeof groupPorts>[number],
): Rule {
  const destination = { ...(end === "destination" ? entity : {}), ...(ports === undefined ? {} : { ports }) };
  return {
    action,
    ...(protocol === undefined ? {} : { protocol }),
    ...(end === "source" && Object.keys(entity).length > 0 ? { source: entity } : {}),
    ...(Object.keys(destination).length > 0 ? { destination } : {}),
  };
}

const protocols: ReadonlyMap<string, ProtocolName> = new Map([
  ["tcp", "TCP"],
  ["udp", "UDP"],
  ["sctp", "SCTP"],
]);

function readPortEntry({ protocol: name = "TCP", port, endPort }: KubernetesPort): PortEntry | undefined {
  const protocol = protocols.get(name.toLowerCase());
  if (protocol === undefined) return undefined;
  if (port === undefined) return { protocol, port };
  const first = typeof port === "string" && /^[0-9]+$/.test(port) ? Number(port) : port;
  if (typeof first === "string") {
    return isReadablePortName(first) && endPort === undefined ? { protocol, port: first } : undefined;
  }
  if (!isWirePort(first)) return undefined;
  if (endPort === undefined) return { protocol, port: first };
  return isWirePort(endPort) && first <= endPort ? { protocol, port: makeRange(first, endPort) } : undefined;
}

function convertPeer({ podSelector, namespaceSelector, ipBlock }: KubernetesPeer): EntityRule | undefined {
  if (ipBlock === undefined) {
    const namespaces = namespaceSelector === undefined ? undefined : namespaceSelectorText(namespaceSelector);
    return {
      selector: podSelectorText(podSelector),
      ...(namespaces === undefined ? {} : { namespaceSelector: namespaces }),
    };
  }
  const net = readNet(ipBlock.cidr);
  const { except = [] } = ipBlock;
  const notNets = except.map(readNet).filter((value) => value !== undefined);
  if (net === undefined || notNets.length < except.length) return undefined;
  // Those of the other version exclude nothing.
  const own = notNets.filter((value) => cidrVersion(value) === cidrVersion(net));
  return { nets: [net], ...(own.length === 0 ? {} : { notNets: own }) };
}

/** With its length; bits beyond that are masked away. */
export function readNet(text: string): Cidr | undefined {
  return parseCidr(text, { hostBits: true });
}
