import { type Cidr, type Problem, type Result, failure, success } from "../lib/index.ts";
import { makeRule, readNet } from "./convert-network-policy.ts";
import { type PortEntry, groupPorts, isReadablePortName, isWirePort, makeRange } from "./convert-ports.ts";
import { convertUid } from "./convert-uid.ts";
import type { GlobalNetworkPolicy } from "./global-network-policy.ts";
import type {
  KubernetesClusterNetworkPolicy,
  KubernetesClusterNetworkPolicySpec,
} from "./kubernetes-cluster-network-policy.ts";
import { type LabelSelector, labelSelector, namespaceSelectorText, podSelectorText } from "./label-selector.ts";
import type { PolicyType } from "./policy.ts";
import type { EntityRule, Rule } from "./rule.ts";
import { type Json, isRecord } from "./schema.ts";

type Direction = "ingress" | "egress";

const tiers: ReadonlyMap<unknown, string> = new Map([
  ["Admin", "kube-admin"],
  ["Baseline", "kube-baseline"],
]);
const actions: ReadonlyMap<unknown, Rule["action"]> = new Map([
  ["Accept", "Allow"],
  ["Deny", "Deny"],
  ["Pass", "Pass"],
]);

/**
 * Kubernetes' policy for administrators as one of ours; undefined when it is of no tier that exists, or of no subject. A rule that
 * cannot be converted is left out if it allows, and denies everything otherwise. Fails when the uid is no UUID.
 */
export function convertClusterNetworkPolicy(
  policy: KubernetesClusterNetworkPolicy,
): Result<GlobalNetworkPolicy | undefined> {
  const { name, uid } = policy.metadata;
  const converted = uid === undefined ? undefined : convertUid(uid);
  if (uid !== undefined && converted === undefined) return failure("metadata.uid", "is no UUID");
  const tier = tiers.get(policy.spec.tier);
  const subject = convertSubject(policy.spec);
  if (tier === undefined || subject === undefined) return success(undefined);
  const ingress = (policy.spec.ingress ?? []).flatMap((rule) => convertRule(rule, "ingress") ?? replaceRule(rule));
  const egress = (policy.spec.egress ?? []).flatMap((rule) => convertRule(rule, "egress") ?? replaceRule(rule));
  const types: PolicyType[] = [];
  if (ingress.length > 0) types.push("Ingress");
  if (egress.length > 0) types.push("Egress");
  return success({
    apiVersion: "projectcalico.org/v3",
    kind: "GlobalNetworkPolicy",
    metadata: { name, ...(converted === undefined ? {} : { uid: converted }) },
    spec: {
      tier,
      order: policy.spec.priority ?? 0,
      ...subject,
      types,
      ...(ingress.length === 0 ? {} : { ingress }),
      ...(egress.length === 0 ? {} : { egress }),
    },
  });
}

/** What cannot be converted. */
export function checkClusterRules(spec: KubernetesClusterNetworkPolicySpec): Problem[] {
  return (["ingress", "egress"] as const).flatMap((direction) =>
    (spec[direction] ?? []).flatMap((rule, at): Problem[] => {
      if (convertRule(rule, direction) !== undefined) return [];
      const hint = "it has a bad action or port, or a peer other than pods, namespaces and, for egress, networks";
      return [{ path: `spec.${direction}[${at}]`, message: "cannot be put into force", hint }];
    }),
  );
}

function convertSubject({ subject }: KubernetesClusterNetworkPolicySpec): EntityRule | undefined {
  if (subject?.namespaces !== undefined) {
    // The bare term leaves hosts out.
    return { selector: podSelectorText({}), namespaceSelector: namespaceSelectorText(subject.namespaces) };
  }
  return subject?.pods === undefined ? undefined : selectPods(subject.pods.namespaceSelector, subject.pods.podSelector);
}

function selectPods(namespaces: LabelSelector = {}, pods: LabelSelector = {}): EntityRule {
  return { selector: podSelectorText(pods), namespaceSelector: namespaceSelectorText(namespaces) };
}

/** Undefined when anything about it is wrong. */
function convertRule(rule: unknown, direction: Direction): Rule[] | undefined {
  if (!isRecord(rule)) return undefined;
  const action = actions.get(rule["action"]);
  const peers = readList(rule[direction === "ingress" ? "from" : "to"]);
  const entities = peers?.map((peer) => convertPeer(peer, direction));
  const protocols = readList(rule["protocols"])?.map(readProtocol);
  if (action === undefined || entities === undefined || protocols === undefined) return undefined;
  const known = entities.filter((entity) => entity !== undefined);
  const entries = protocols.filter((entry) => entry !== undefined);
  if (known.length < entities.length || entries.length < protocols.length) return undefined;
  const end = direction === "ingress" ? "source" : "destination";
  const { name } = rule;
  const metadata = typeof name === "string" && name !== "" ? { metadata: { annotations: { name } } } : {};
  // An entry that says nothing stands for every protocol and port.
  const isAny = entries.some(({ protocol, port }) => protocol === undefined && port === undefined);
  return groupPorts(isAny ? [] : entries).flatMap((group) =>
    known.map((entity) => ({ ...makeRule(action, end, entity, group), ...metadata })),
  );
}

function replaceRule(rule: unknown): Rule[] {
  const action = isRecord(rule) ? rule["action"] : undefined;
  return action === "Deny" || action === "Pass" ? [{ action: "Deny" }] : [];
}

function readList(value: unknown): readonly unknown[] | undefined {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : undefined;
}

function convertPeer(peer: unknown, direction: Direction): EntityRule | undefined {
  if (!isRecord(peer)) return undefined;
  const { namespaces = null, pods = null, networks = null } = peer;
  if (namespaces !== null) {
    const selector = labelSelector.safeParse(namespaces);
    return selector.success ? { namespaceSelector: namespaceSelectorText(selector.data) } : undefined;
  }
  if (pods !== null) return convertPods(pods);
  if (direction === "ingress" || networks === null) return undefined;
  const nets = readList(networks)?.map((net) => (typeof net === "string" ? readNet(net) : undefined));
  if (nets === undefined || nets.length === 0 || nets.includes(undefined)) return undefined;
  return { nets: [...new Set(nets.filter((net): net is Cidr => net !== undefined))] };
}

function convertPods(pods: unknown): EntityRule | undefined {
  if (!isRecord(pods)) return undefined;
  const namespaceSelector = labelSelector.safeParse(pods["namespaceSelector"] ?? {});
  const podSelector = labelSelector.safeParse(pods["podSelector"] ?? {});
  if (!namespaceSelector.success || !podSelector.success) return undefined;
  return selectPods(namespaceSelector.data, podSelector.data);
}

function readProtocol(entry: unknown): PortEntry | undefined {
  if (!isRecord(entry)) return undefined;
  const { tcp = null, udp = null, sctp = null, destinationNamedPort: name = null } = entry;
  if (tcp !== null) return readDestinationPort("TCP", tcp);
  if (udp !== null) return readDestinationPort("UDP", udp);
  if (sctp !== null) return readDestinationPort("SCTP", sctp);
  if (name === null || name === "") return { protocol: undefined, port: undefined };
  return typeof name === "string" && isReadablePortName(name) ? { protocol: undefined, port: name } : undefined;
}

function readDestinationPort(protocol: "TCP" | "UDP" | "SCTP", match: unknown): PortEntry | undefined {
  if (!isRecord(match)) return undefined;
  const port: unknown = match["destinationPort"] ?? undefined;
  if (port === undefined) return { protocol, port };
  if (!isRecord(port)) return undefined;
  const { number = null, range = null } = port;
  if (range !== null) return isRecord(range) ? readRange(protocol, range) : undefined;
  if (number === null) return { protocol, port: undefined };
  return isWirePort(number) ? { protocol, port: number } : undefined;
}

function readRange(protocol: "TCP" | "UDP" | "SCTP", { start, end }: Json): PortEntry | undefined {
  if (!isWirePort(start) || !isWirePort(end) || start > end) return undefined;
  return { protocol, port: makeRange(start, end) };
}
