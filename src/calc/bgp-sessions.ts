import type { Family } from "../bgp/index.ts";
import { type IpAddress, type IpVersion, addressVersion } from "../lib/index.ts";
import { type BGPPeer, readPeerAddress } from "../resources/index.ts";
import { compareTexts, evaluateSelector } from "../selector/index.ts";
import type { BgpNode, BgpSettings } from "./bgp-node.ts";
import type { SessionWanted } from "./messages.ts";
import { readSelector } from "./translate-rule.ts";

export type SessionInput = {
  readonly node: BgpNode;
  /** All nodes, this one too. */
  readonly nodes: readonly BgpNode[];
  readonly peers: readonly BGPPeer[];
  readonly settings: BgpSettings;
};

/**
 * The sessions of a node, ordered by name. Several resources may ask for a session with the same address and port; the
 * first in this order makes it: BGPPeers for every node, BGPPeers for some nodes, sessions back to nodes that a BGPPeer
 * points here, the mesh. BGPPeers of one rank go by name.
 */
export function computeSessions(input: SessionInput): SessionWanted[] {
  const peers = input.peers.toSorted((a, b) => compareTexts(a.metadata.name, b.metadata.name));
  const askedBy = (peer: BGPPeer, sessions: SessionWanted[]): Candidate[] =>
    sessions.map((session) => ({ session, canServe: canServe(peer) }));
  const candidates: Candidate[] = [
    ...peers.filter(isGlobal).flatMap((peer) => askedBy(peer, peerSessions(peer, input))),
    ...peers.filter((peer) => !isGlobal(peer)).flatMap((peer) => askedBy(peer, peerSessions(peer, input))),
    ...peers.flatMap((peer) => askedBy(peer, reverseSessions(peer, input))),
    // A mesh that wants a password has no session without it.
    ...meshSessions(input).map((session) => ({ session, canServe: !input.settings.hasMeshPassword })),
  ];
  const byEnd = new Map<string, Candidate>();
  const names = new Set<string>();
  for (const candidate of candidates) {
    const { address, port, name } = candidate.session;
    const end = `${address} ${port}`;
    // The speaker knows sessions by name: two nodes that claim one address must not make two of one name.
    if (byEnd.has(end) || names.has(name)) continue;
    byEnd.set(end, candidate);
    names.add(name);
  }
  const served = [...byEnd.values()].filter((candidate) => candidate.canServe).map(({ session }) => session);
  return served.sort((a, b) => compareTexts(a.name, b.name));
}

/** One that cannot be served still keeps others from making the session in its place. */
type Candidate = { readonly session: SessionWanted; readonly canServe: boolean };

/**
 * Settings that a session must not come up without: it would be open to others, or let through what it should not. Such a
 * peer has no session until the speaker heeds them.
 */
function canServe({ spec }: BGPPeer): boolean {
  return (
    spec.password?.secretKeyRef === undefined &&
    spec.filters === undefined &&
    (spec.ttlSecurity ?? 0) === 0 &&
    spec.localASNumber === undefined
  );
}

/** Every node with every other, except route reflectors. */
function meshSessions({ node, nodes, settings }: SessionInput): SessionWanted[] {
  if (!settings.isMeshEnabled || node.clusterId !== undefined) return [];
  return nodes
    .filter((other) => other.name !== node.name && other.clusterId === undefined)
    .toSorted((a, b) => compareTexts(a.name, b.name))
    .flatMap((other) =>
      versionsOfBoth(node, other).flatMap((version) => {
        const [own, address] = [node.address[version], other.address[version]];
        if (own === undefined || address === undefined || own === address) return [];
        return [
          {
            name: sessionName("Mesh", address),
            type: "nodeMesh",
            address,
            port: other.listenPort,
            localAddress: own,
            asNumber: other.asNumber,
            isPassive: waits(own, address),
            families: nodeFamilies(node, other, version),
            nextHopMode: "auto",
          } satisfies SessionWanted,
        ];
      }),
    );
}

/** The session that a BGPPeer asks of this node. */
function peerSessions(peer: BGPPeer, input: SessionInput): SessionWanted[] {
  const { node, nodes, settings } = input;
  const target = readTarget(peer);
  if (target === undefined || !appliesTo(peer, node)) return [];
  const { address, port } = target;
  const version = addressVersion(address);
  const own = node.address[version];
  // Without an address of that version there is no speaker for it; and nobody peers with himself.
  if (own === undefined || own === address) return [];
  const behind = nodeBehind(peer, input);
  // Nobody says the AS number of an outside router.
  if (behind === undefined && peer.spec.asNumber === undefined) return [];
  const isGlobalPeer = isGlobal(peer);
  const isNodeAddress = nodes.some((other) => other.address[version] === address);
  const writtenPort = port ?? (behind?.hasWrittenPort === true ? behind.listenPort : undefined);
  return [
    {
      name: sessionName(isGlobalPeer ? "Global" : "Node", address, writtenPort),
      type: isGlobalPeer ? "globalPeer" : "nodePeer",
      address,
      port: port ?? behind?.listenPort ?? 179,
      ...localAddress(peer, own),
      asNumber: peer.spec.asNumber ?? settings.asNumber,
      // A BGPPeer for every node gives both ends the same session, so that one of them has to wait for the other.
      isPassive: isGlobalPeer && isNodeAddress && waits(own, address),
      families: behind === undefined ? [familyOf(version)] : nodeFamilies(node, behind, version),
      nextHopMode: nextHopModeOf(peer, peer.spec.asNumber ?? settings.asNumber, node),
      ...reflection(node, peer.spec.asNumber ?? settings.asNumber, behind?.clusterId),
    },
  ];
}

/** A node that a BGPPeer names as peer has a session back to each node that the BGPPeer applies to. */
function reverseSessions(peer: BGPPeer, input: SessionInput): SessionWanted[] {
  const { node, nodes } = input;
  const target = readTarget(peer);
  if (target === undefined || peer.spec.reversePeering === "Manual") return [];
  if (nodeBehind(peer, input)?.name !== node.name) return [];
  const version = addressVersion(target.address);
  const own = node.address[version];
  if (own === undefined) return [];
  return nodes
    .filter((other) => other.name !== node.name && appliesTo(peer, other))
    .toSorted((a, b) => compareTexts(a.name, b.name))
    .flatMap((other) => {
      const address = other.address[version];
      if (address === undefined || address === own) return [];
      return [
        {
          name: sessionName("Node", address, other.hasWrittenPort ? other.listenPort : undefined),
          type: "nodePeer",
          address,
          port: other.listenPort,
          ...localAddress(peer, own),
          asNumber: other.asNumber,
          isPassive: false,
          families: nodeFamilies(node, other, version),
          nextHopMode: nextHopModeOf(peer, other.asNumber, node),
          ...reflection(node, other.asNumber, other.clusterId),
        } satisfies SessionWanted,
      ];
    });
}

/** The node that a BGPPeer's address belongs to, if AS number and port agree too. */
function nodeBehind(peer: BGPPeer, { nodes, settings }: SessionInput): BgpNode | undefined {
  const target = readTarget(peer);
  if (target === undefined) return undefined;
  const asNumber = peer.spec.asNumber ?? settings.asNumber;
  return nodes.find(
    (node) =>
      node.address[addressVersion(target.address)] === target.address &&
      node.asNumber === asNumber &&
      (target.port === undefined || target.port === node.listenPort),
  );
}

function readTarget(peer: BGPPeer): ReturnType<typeof readPeerAddress> {
  return peer.spec.peerIP === undefined ? undefined : readPeerAddress(peer.spec.peerIP);
}

function isGlobal({ spec }: BGPPeer): boolean {
  return spec.node === undefined && spec.nodeSelector === undefined;
}

function appliesTo({ spec }: BGPPeer, node: BgpNode): boolean {
  if (spec.node !== undefined) return spec.node === node.name;
  return spec.nodeSelector === undefined || evaluateSelector(readSelector(spec.nodeSelector), node.labels);
}

function localAddress(peer: BGPPeer, own: IpAddress): { readonly localAddress?: IpAddress } {
  return peer.spec.sourceAddress === "None" ? {} : { localAddress: own };
}

/** To a route reflector whoever is of its AS and not of its cluster is a client; the rest of the cluster is its equal. */
function reflection(
  node: BgpNode,
  peerAs: number,
  peerCluster: IpAddress | undefined,
): { readonly reflectorCluster?: IpAddress } {
  const isClient = node.clusterId !== undefined && peerAs === node.asNumber && peerCluster !== node.clusterId;
  return isClient ? { reflectorCluster: node.clusterId } : {};
}

/** The older way to say Keep holds for sessions with another AS only. */
function nextHopModeOf({ spec }: BGPPeer, peerAs: number, node: BgpNode): SessionWanted["nextHopMode"] {
  if (spec.nextHopMode === "Self") return "self";
  if (spec.nextHopMode === "Keep") return "keep";
  return spec.nextHopMode === undefined && spec.keepOriginalNextHop === true && peerAs !== node.asNumber
    ? "keep"
    : "auto";
}

/** Of two ends the one that sees the greater address, as text, leaves connecting to the other. */
function waits(own: IpAddress, peer: IpAddress): boolean {
  return peer > own;
}

function versionsOfBoth(a: BgpNode, b: BgpNode): IpVersion[] {
  return ([4, 6] as const).filter((version) => a.address[version] !== undefined && b.address[version] !== undefined);
}

/** A session carries the family of its IP version, and both where two nodes have no more than one session. */
function nodeFamilies(a: BgpNode, b: BgpNode, version: IpVersion): Family[] {
  return versionsOfBoth(a, b).length > 1 ? [familyOf(version)] : ["ipv4-unicast", "ipv6-unicast"];
}

function familyOf(version: IpVersion): Family {
  return version === 4 ? "ipv4-unicast" : "ipv6-unicast";
}

function sessionName(type: "Mesh" | "Global" | "Node", address: IpAddress, port?: number): string {
  return `${type}_${address.replace(/[.:]/g, "_")}${port === undefined ? "" : `_port_${port}`}`;
}
