import { addressVersion, cidrContains, cidrVersion, parseCidr } from "../../src/lib/index.ts";
import type {
  KubernetesClusterNetworkPolicy,
  KubernetesNetworkPolicy,
  KubernetesPeer,
  KubernetesPort,
  LabelSelector,
  RuleAction,
} from "../../src/resources/index.ts";
import {
  type LabelledObject,
  type LabelledObjects,
  isInNamespace,
  namespaceOf,
  offersPort,
  orchestratorOf,
} from "./labelled-objects.ts";
import type { JudgedPacket, JudgedRule } from "./rule-meaning.ts";

type Direction = "ingress" | "egress";
type PicksObject = (object: LabelledObject) => boolean;

/** One alternative for the other end, or for what is spoken. */
type Peer = {
  readonly matches: (packet: JudgedPacket) => boolean;
  /** Whose named ports are meant when the peer is the destination. */
  readonly picks: PicksObject;
};
/** `listeners`: those at the destination whose named ports count. */
type Ports = (packet: JudgedPacket, listeners: readonly LabelledObject[]) => boolean;

const protocols: ReadonlyMap<string, number> = new Map([
  ["tcp", 6],
  ["udp", 17],
  ["sctp", 132],
]);

/** Kubernetes' policies as Kubernetes tells them, without a detour over ours. */
export class KubernetesMeaning {
  readonly #objects: LabelledObjects;

  constructor(objects: LabelledObjects) {
    this.#objects = objects;
  }

  /** The pods that a NetworkPolicy isolates. */
  isolates({ metadata, spec }: KubernetesNetworkPolicy): PicksObject {
    const pods = this.#pods(spec.podSelector);
    return (object) => pods(object) && namespaceOf(this.#objects.labelsOf(object)) === metadata.namespace;
  }

  /** Each allows what any of its peers does over any of its ports. A rule with anything wrong in it allows nothing. */
  networkPolicyRules({ metadata, spec }: KubernetesNetworkPolicy, direction: Direction): JudgedRule[] {
    const rules =
      direction === "ingress"
        ? spec.ingress?.map(({ from, ports }) => ({ peers: from, ports }))
        : spec.egress?.map(({ to, ports }) => ({ peers: to, ports }));
    return (rules ?? []).flatMap((rule) => {
      const peers = rule.peers?.map((peer) => this.#peer(peer, metadata.namespace, direction)) ?? [];
      const ports = rule.ports?.map(readPort) ?? [];
      if (peers.includes(undefined) || ports.includes(undefined)) return [];
      return this.#rule("Allow", direction, peers.length === 0 ? [anybody] : defined(peers), defined(ports));
    });
  }

  /** The pods that a ClusterNetworkPolicy is about; undefined: it is about nothing. */
  subject({ spec: { subject } }: KubernetesClusterNetworkPolicy): PicksObject | undefined {
    if (subject?.namespaces !== undefined) return and(this.#pods({}), this.#inNamespaces(subject.namespaces));
    if (subject?.pods === undefined) return undefined;
    const { namespaceSelector = {}, podSelector } = subject.pods;
    return and(this.#pods(podSelector), this.#inNamespaces(namespaceSelector));
  }

  /** A rule that cannot be read closes: it denies everything unless it would have accepted. */
  clusterPolicyRules({ spec }: KubernetesClusterNetworkPolicy, direction: Direction): JudgedRule[] {
    return (spec[direction] ?? []).flatMap((json) => {
      const rule = json as ClusterRule;
      const action = new Map<string, RuleAction>([
        ["Accept", "Allow"],
        ["Deny", "Deny"],
        ["Pass", "Pass"],
      ]).get(rule.action);
      const peers = ((direction === "ingress" ? rule.from : rule.to) ?? []).map((peer) =>
        this.#clusterPeer(peer, direction),
      );
      const ports = (rule.protocols ?? []).map(readClusterPort);
      if (action === undefined) return [];
      if (peers.includes(undefined) || ports.includes(undefined)) {
        return action === "Allow" ? [] : [{ action: "Deny", matches: () => true }];
      }
      return peers.length === 0 ? [] : this.#rule(action, direction, defined(peers), defined(ports));
    });
  }

  #rule(action: RuleAction, direction: Direction, peers: readonly Peer[], ports: readonly Ports[]): JudgedRule[] {
    const speaks = (packet: JudgedPacket, picks: PicksObject) => {
      const listeners = this.#objects.holdersOf(packet.destination).filter(picks);
      return ports.length === 0 || ports.some((port) => port(packet, listeners));
    };
    const matches = (packet: JudgedPacket) =>
      peers.some((peer) => peer.matches(packet) && speaks(packet, direction === "egress" ? peer.picks : () => true));
    return [{ action, matches }];
  }

  #peer(peer: KubernetesPeer, namespace: string | undefined, direction: Direction): Peer | undefined {
    if (peer.ipBlock !== undefined) return readBlock(peer.ipBlock, direction);
    const { namespaceSelector } = peer;
    const isThere: PicksObject =
      namespaceSelector === undefined
        ? (object) => namespaceOf(this.#objects.labelsOf(object)) === namespace
        : this.#inNamespaces(namespaceSelector);
    return this.#among(and(this.#pods(peer.podSelector), isThere), direction);
  }

  #clusterPeer(peer: ClusterPeer, direction: Direction): Peer | undefined {
    if (peer.namespaces !== undefined) return this.#among(this.#inNamespaces(peer.namespaces), direction);
    if (peer.pods !== undefined) {
      const { namespaceSelector = {}, podSelector } = peer.pods;
      return this.#among(and(this.#pods(podSelector), this.#inNamespaces(namespaceSelector)), direction);
    }
    if (peer.networks === undefined || direction === "ingress") return undefined;
    const nets = peer.networks.map((text) => parseCidr(text, { hostBits: true }));
    if (nets.length === 0 || nets.includes(undefined)) return undefined;
    return {
      matches: ({ destination }) => defined(nets).some((net) => cidrContains(net, destination)),
      picks: () => true,
    };
  }

  #among(picks: PicksObject, direction: Direction): Peer {
    const matches = (packet: JudgedPacket) =>
      this.#objects.holdersOf(direction === "ingress" ? packet.source : packet.destination).some(picks);
    return { matches, picks };
  }

  #pods(selector: LabelSelector = {}): PicksObject {
    return (object) => {
      const labels = this.#objects.labelsOf(object);
      return orchestratorOf(labels) === "k8s" && fits(selector, (key) => labels.get(key));
    };
  }

  #inNamespaces(selector: LabelSelector): PicksObject {
    return (object) => {
      const labels = this.#objects.labelsOf(object);
      const isAny = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
      return isAny ? isInNamespace(labels) : fits(selector, (key) => labels.get(`pcns.${key}`));
    };
  }
}

const anybody: Peer = { matches: () => true, picks: () => true };

function and(a: PicksObject, b: PicksObject): PicksObject {
  return (object) => a(object) && b(object);
}

function defined<T>(values: readonly (T | undefined)[]): T[] {
  return values.filter((value): value is T => value !== undefined);
}

function fits({ matchLabels = {}, matchExpressions = [] }: LabelSelector, find: (key: string) => string | undefined) {
  return (
    Object.entries(matchLabels).every(([key, value]) => find(key) === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = find(key);
      switch (operator) {
        case "In":
          return value !== undefined && values.includes(value);
        case "NotIn":
          return value === undefined || !values.includes(value);
        case "Exists":
          return value !== undefined;
        case "DoesNotExist":
          return value === undefined;
      }
    })
  );
}

function readBlock(
  { cidr, except = [] }: NonNullable<KubernetesPeer["ipBlock"]>,
  direction: Direction,
): Peer | undefined {
  const net = parseCidr(cidr, { hostBits: true });
  const holes = except.map((text) => parseCidr(text, { hostBits: true }));
  if (net === undefined || holes.includes(undefined)) return undefined;
  const matches = (packet: JudgedPacket) => {
    const address = direction === "ingress" ? packet.source : packet.destination;
    const isOut = defined(holes).some((hole) => cidrContains(hole, address));
    return cidrVersion(net) === addressVersion(address) && cidrContains(net, address) && !isOut;
  };
  return { matches, picks: () => true };
}

function readPort({ protocol = "TCP", port, endPort }: KubernetesPort): Ports | undefined {
  const number = protocols.get(protocol.toLowerCase());
  if (number === undefined) return undefined;
  if (port === undefined) return (packet) => packet.protocol === number;
  const isNumber = typeof port === "number" || /^[0-9]+$/.test(port);
  if (!isNumber) return endPort === undefined ? namedPort(port, number) : undefined;
  return numberedPorts(number, Number(port), endPort ?? Number(port));
}

function namedPort(name: string, protocol: number | undefined): Ports | undefined {
  if (!/^[A-Za-z0-9_.-]{1,128}$/.test(name)) return undefined;
  return (packet, listeners) =>
    (protocol ?? packet.protocol) === packet.protocol &&
    listeners.some((object) => offersPort(object, name, packet.protocol, packet.ports?.[1]));
}

function numberedPorts(protocol: number, first: unknown, last: unknown): Ports | undefined {
  if (!isPort(first) || !isPort(last) || first > last) return undefined;
  return (packet) => {
    const port = packet.ports?.[1];
    return packet.protocol === protocol && port !== undefined && first <= port && port <= last;
  };
}

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 65535;
}

/** A rule of a ClusterNetworkPolicy, which is kept as it was written. */
type ClusterRule = {
  readonly action: string;
  readonly from?: readonly ClusterPeer[];
  readonly to?: readonly ClusterPeer[];
  readonly protocols?: readonly ClusterProtocol[];
};

type ClusterPeer = {
  readonly namespaces?: LabelSelector;
  readonly pods?: { readonly namespaceSelector?: LabelSelector; readonly podSelector?: LabelSelector };
  readonly networks?: readonly string[];
};

type ClusterPorts = {
  readonly destinationPort?: {
    readonly number?: number;
    readonly range?: { readonly start: number; readonly end: number };
  };
};

type ClusterProtocol = {
  readonly tcp?: ClusterPorts;
  readonly udp?: ClusterPorts;
  readonly sctp?: ClusterPorts;
  readonly destinationNamedPort?: string;
};

function readClusterPort(entry: ClusterProtocol): Ports | undefined {
  for (const [name, number] of protocols) {
    const ports = entry[name === "tcp" ? "tcp" : name === "udp" ? "udp" : "sctp"];
    if (ports === undefined) continue;
    const { destinationPort = {} } = ports;
    if (destinationPort.range !== undefined) {
      return numberedPorts(number, destinationPort.range.start, destinationPort.range.end);
    }
    if (destinationPort.number !== undefined) {
      return numberedPorts(number, destinationPort.number, destinationPort.number);
    }
    return (packet) => packet.protocol === number;
  }
  // An entry that says nothing stands for everything.
  return entry.destinationNamedPort === undefined ? () => true : namedPort(entry.destinationNamedPort, undefined);
}
