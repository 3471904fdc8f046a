import type { Family, NextHopMode, PrefixRange } from "../bgp/index.ts";
import {
  type Cidr,
  type IpAddress,
  type IpVersion,
  addressBits,
  addressVersion,
  cidrLength,
  cidrVersion,
} from "../lib/index.ts";
import {
  type BGPFilter,
  type BGPPeer,
  type PasswordRef,
  type Secret,
  readDuration,
  readPeerAddress,
} from "../resources/index.ts";
import { compareTexts, evaluateSelector } from "../selector/index.ts";
import { computeFilters, filtersInForce } from "./bgp-filters.ts";
import type { BgpNode, BgpSettings } from "./bgp-node.ts";
import { findPassword } from "./bgp-passwords.ts";
import type { SessionFilters, SessionWanted } from "./messages.ts";
import { readSelector } from "./translate-rule.ts";

export type SessionInput = {
  readonly node: BgpNode;
  /** All nodes, this one too. */
  readonly nodes: readonly BgpNode[];
  readonly peers: readonly BGPPeer[];
  readonly settings: BgpSettings;
  readonly filters: ReadonlyMap<string, BGPFilter>;
  readonly secretsByName: ReadonlyMap<string, Secret>;
  /** Workloads of this node, ordered. */
  readonly workloads: readonly BgpWorkload[];
  /** What the speaker passes on. */
  readonly exportWithin: readonly Cidr[];
};

/** What all sessions share, worked out once: there may be thousands. */
type Context = SessionInput & {
  /** Addresses of the nodes of this one's cluster, itself included. */
  readonly clusterAddresses: ReadonlySet<IpAddress>;
  readonly filtersByKey: Map<string, SessionFilters>;
  readonly passwordByKey: Map<string, Pick<SessionWanted, "password" | "withheld">>;
};

/** A workload as a BGP speaker. */
export type BgpWorkload = {
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly IpAddress[];
};

/**
 * The sessions of a node, ordered by name. Several resources may ask for a session with the same address and port; the
 * first in this order makes it: BGPPeers for every node, BGPPeers for some nodes, sessions back to nodes that a BGPPeer
 * points here, the mesh. BGPPeers of one rank go by name.
 */
export function computeSessions(given: SessionInput): SessionWanted[] {
  const { nodes, node } = given;
  const equals = nodes.filter(({ clusterId }) => clusterId !== undefined && clusterId === node.clusterId);
  const clusterAddresses = new Set(
    equals.flatMap(({ address }) => [address[4], address[6]].filter((one) => one !== undefined)),
  );
  const input: Context = { ...given, clusterAddresses, filtersByKey: new Map(), passwordByKey: new Map() };
  const peers = input.peers.toSorted((a, b) => compareTexts(a.metadata.name, b.metadata.name));
  const candidates: SessionWanted[] = [
    ...peers.filter(isGlobal).flatMap((peer) => ownSessions(peer, input)),
    ...peers.filter((peer) => !isGlobal(peer)).flatMap((peer) => ownSessions(peer, input)),
    ...peers.flatMap((peer) => reverseSessions(peer, input)),
    ...meshSessions(input),
  ];
  const byEnd = new Map<string, SessionWanted>();
  const names = new Set<string>();
  for (const candidate of candidates) {
    const { address, port, name } = candidate;
    const end = `${address} ${port}`;
    // The speaker knows sessions by name: two nodes that claim one address must not make two of one name.
    if (byEnd.has(end) || names.has(name)) continue;
    byEnd.set(end, candidate);
    names.add(name);
  }
  return [...byEnd.values()].sort((a, b) => compareTexts(a.name, b.name));
}

/** Every node with every other, except route reflectors. */
function meshSessions(input: Context): SessionWanted[] {
  const { node, nodes, settings } = input;
  if (!settings.isMeshEnabled || node.clusterId !== undefined) return [];
  return nodes
    .filter((other) => other.name !== node.name && other.clusterId === undefined)
    .toSorted((a, b) => compareTexts(a.name, b.name))
    .flatMap((other) =>
      endsBetween(node, other).map(({ own, address, families }) => ({
        name: sessionName("Mesh", address),
        type: "nodeMesh",
        address,
        port: other.listenPort,
        localAddress: own,
        asNumber: other.asNumber,
        isPassive: waits(own, address),
        families,
        nextHopMode: "auto",
        ...restartTime(settings.meshMaxRestartTime),
        ...password(settings.meshPassword, input),
        importFilters: [],
        exportFilters: [],
      })),
    );
}

/** The sessions that a BGPPeer asks of this node. */
function ownSessions(peer: BGPPeer, input: Context): SessionWanted[] {
  if (!appliesTo(peer, input.node)) return [];
  if (peer.spec.localWorkloadSelector !== undefined) return workloadSessions(peer, input);
  return peer.spec.peerSelector === undefined ? addressSession(peer, input) : selectedSessions(peer, input);
}

/** With the one whose address the BGPPeer has. */
function addressSession(peer: BGPPeer, input: Context): SessionWanted[] {
  const { node, nodes, settings } = input;
  const target = readTarget(peer);
  if (target === undefined) return [];
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
  const { localASNumber, numAllowedLocalASNumbers = 0, reachableBy } = peer.spec;
  const session = {
    name: sessionName(isGlobalPeer ? "Global" : "Node", address, writtenPort),
    type: isGlobalPeer ? "globalPeer" : "nodePeer",
    address,
    port: port ?? behind?.listenPort ?? 179,
    asNumber: peer.spec.asNumber ?? settings.asNumber,
    ...(localASNumber === undefined ? {} : { localAs: localASNumber }),
    ...(numAllowedLocalASNumbers > 0 ? { allowLocalAs: numAllowedLocalASNumbers } : {}),
    // A BGPPeer for every node gives both ends the same session, so that one of them has to wait for the other.
    isPassive: isGlobalPeer && isNodeAddress && waits(own, address),
    families: behind === undefined ? [familyOf(version)] : nodeFamilies(node, behind, version),
    ...(reachableBy === undefined ? {} : { reachableBy }),
  } as const;
  return [{ ...session, ...termsOf(peer, session, own, input) }];
}

/** With every node that the BGPPeer selects. */
function selectedSessions(peer: BGPPeer, input: Context): SessionWanted[] {
  const isGlobalPeer = isGlobal(peer);
  return others(input, (other) => isSelectedPeer(peer, other)).flatMap((other) =>
    nodeSessions(peer, other, isGlobalPeer ? "globalPeer" : "nodePeer", undefined, input),
  );
}

/** A node that a BGPPeer names as peer has a session back to each node that the BGPPeer applies to. */
function reverseSessions(peer: BGPPeer, input: Context): SessionWanted[] {
  const { reversePeering, localWorkloadSelector, peerSelector } = peer.spec;
  if (reversePeering === "Manual" || localWorkloadSelector !== undefined) return [];
  const target = readTarget(peer);
  const isTarget =
    peerSelector === undefined ? nodeBehind(peer, input)?.name === input.node.name : isSelectedPeer(peer, input.node);
  if (!isTarget) return [];
  const version = target === undefined ? undefined : addressVersion(target.address);
  return others(input, (other) => appliesTo(peer, other)).flatMap((other) =>
    nodeSessions(peer, other, "nodePeer", version, input),
  );
}

/** With another node, over the IP versions that both have, or the one that is meant. */
function nodeSessions(
  peer: BGPPeer,
  other: BgpNode,
  type: "globalPeer" | "nodePeer",
  onlyVersion: IpVersion | undefined,
  input: Context,
): SessionWanted[] {
  return endsBetween(input.node, other)
    .filter(({ address }) => onlyVersion === undefined || addressVersion(address) === onlyVersion)
    .map(({ own, address, families }) => {
      const port = other.hasWrittenPort ? other.listenPort : undefined;
      const session = {
        name: sessionName(type === "globalPeer" ? "Global" : "Node", address, port),
        type,
        address,
        port: other.listenPort,
        asNumber: other.asNumber,
        isPassive: false,
        families,
      };
      return { ...session, ...termsOf(peer, session, own, input) };
    });
}

/** With every workload here that the BGPPeer selects. It connects to us; beside AS numbers and filters nothing is heeded. */
function workloadSessions({ spec }: BGPPeer, input: Context): SessionWanted[] {
  const { node, workloads, settings } = input;
  if (spec.localWorkloadSelector === undefined) return [];
  const selector = readSelector(spec.localWorkloadSelector);
  const asNumber = spec.asNumber ?? settings.asNumber;
  const localAs = spec.localASNumber === undefined ? {} : { localAs: spec.localASNumber };
  return workloads
    .filter(({ labels }) => evaluateSelector(selector, labels))
    .flatMap(({ addresses }) => addresses)
    .filter((address) => node.address[addressVersion(address)] !== undefined)
    .map((address) => {
      const families = [familyOf(addressVersion(address))];
      const filters = sessionFilters(spec.filters, { address, asNumber, families, ...localAs }, input);
      return {
        name: sessionName("Local_Workload", address),
        type: "workload",
        address,
        port: 179,
        asNumber,
        ...localAs,
        isPassive: true,
        families,
        nextHopMode: "auto",
        ...reflection({ address, asNumber, ...localAs }, input),
        ...filters.session,
        ...(filters.problem === undefined ? {} : { withheld: filters.problem }),
      };
    });
}

type SessionEnds = Pick<SessionWanted, "address" | "families"> & {
  readonly asNumber: number;
  readonly localAs?: number;
};

/** What a BGPPeer says of all of its sessions with routers. */
function termsOf({ spec }: BGPPeer, session: SessionEnds, own: IpAddress, input: Context) {
  const { ttlSecurity = 0, sourceAddress, maxRestartTime, keepaliveTime } = spec;
  const filters = sessionFilters(spec.filters, session, input);
  const found = password(spec.password, input);
  const withheld = found.withheld ?? filters.problem;
  return {
    ...(sourceAddress === "None" ? {} : { localAddress: own }),
    nextHopMode: nextHopModeOf(spec, isInternal(session, input)),
    ...reflection(session, input),
    ...(ttlSecurity > 0 ? { ttlSecurityHops: ttlSecurity } : {}),
    ...restartTime(maxRestartTime),
    ...holdTime(keepaliveTime),
    ...filters.session,
    ...found,
    ...(withheld === undefined ? {} : { withheld }),
  };
}

type Filtered = {
  readonly problem: string | undefined;
  readonly session: Omit<SessionFilters, "problem"> & Pick<SessionWanted, "importFilters" | "exportFilters">;
};

const noFilters: Filtered = { problem: undefined, session: { importFilters: [], exportFilters: [] } };

function sessionFilters(names: readonly string[] = [], session: SessionEnds, input: Context): Filtered {
  const { filters, node, filtersByKey, exportWithin } = input;
  if (names.length === 0) return noFilters;
  const { families, address, localAs } = session;
  const isSameAs = isInternal(session, input);
  const hasOtherAs = localAs !== undefined && localAs !== node.asNumber;
  const importedBehind = hasOtherAs && !isSameAs ? localAs : undefined;
  const key = JSON.stringify([names, families, isSameAs, importedBehind]);
  let computed = filtersByKey.get(key);
  if (computed === undefined) {
    const within = exportWithin.map(wholeRange);
    computed = computeFilters({ names, filters, families, isInternal: isSameAs, importedBehind, exportWithin: within });
    filtersByKey.set(key, computed);
  }
  const { problem, ...policies } = computed;
  const version = addressVersion(address);
  return {
    problem,
    session: {
      ...policies,
      importFilters: filtersInForce({ names, filters }, "import", version),
      exportFilters: filtersInForce({ names, filters }, "export", version),
    },
  };
}

/** A password that cannot be read is no reason to do without. */
function password(ref: PasswordRef | undefined, { secretsByName, passwordByKey }: Context) {
  const key = JSON.stringify(ref?.secretKeyRef) ?? "";
  let found = passwordByKey.get(key);
  if (found === undefined) {
    const { password: text, problem } = findPassword(ref, secretsByName);
    found = problem === undefined ? (text === undefined ? {} : { password: text }) : { withheld: problem };
    passwordByKey.set(key, found);
  }
  return found;
}

/** Of 12 bits (RFC 4724 section 3). */
const maxRestartSeconds = 4095;

function restartTime(text: string | undefined): Pick<SessionWanted, "restartTimeSeconds"> {
  const seconds = text === undefined ? undefined : readDuration(text);
  if (seconds === undefined) return {};
  return { restartTimeSeconds: Math.min(Math.max(Math.round(seconds), 0), maxRestartSeconds) };
}

/** Keepalives come three times in a hold time, which is what a speaker says of itself. */
function holdTime(keepaliveTime: string | undefined): Pick<SessionWanted, "holdTimeSeconds"> {
  const seconds = keepaliveTime === undefined ? undefined : readDuration(keepaliveTime);
  if (seconds === undefined || seconds <= 0) return {};
  return { holdTimeSeconds: Math.min(Math.max(Math.round(3 * seconds), 3), 65_535) };
}

function isInternal({ asNumber, localAs }: Pick<SessionEnds, "asNumber" | "localAs">, { node }: Context): boolean {
  return asNumber === (localAs ?? node.asNumber);
}

/** The node that a BGPPeer's address belongs to, if AS number and port agree too. */
function nodeBehind(peer: BGPPeer, { nodes, settings }: Context): BgpNode | undefined {
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

function isSelectedPeer({ spec }: BGPPeer, node: BgpNode): boolean {
  return spec.peerSelector !== undefined && evaluateSelector(readSelector(spec.peerSelector), node.labels);
}

/** Ordered by name. */
function others({ node, nodes }: Context, isMeant: (other: BgpNode) => boolean): BgpNode[] {
  return nodes
    .filter((other) => other.name !== node.name && isMeant(other))
    .toSorted((a, b) => compareTexts(a.name, b.name));
}

/**
 * To a route reflector whoever is of its AS and not of its cluster is a client; the rest of the cluster is its equal. The
 * cluster of a peer is that of the node with its address.
 */
function reflection(
  session: Pick<SessionEnds, "address" | "asNumber" | "localAs">,
  input: Context,
): { readonly reflectorCluster?: IpAddress } {
  const { node, clusterAddresses } = input;
  if (node.clusterId === undefined || !isInternal(session, input)) return {};
  return clusterAddresses.has(session.address) ? {} : { reflectorCluster: node.clusterId };
}

/** The older way to say Keep holds for sessions with another AS only. */
function nextHopModeOf({ nextHopMode, keepOriginalNextHop }: BGPPeer["spec"], isSameAs: boolean): NextHopMode {
  if (nextHopMode === "Self") return "self";
  if (nextHopMode === "Keep") return "keep";
  return nextHopMode === undefined && keepOriginalNextHop === true && !isSameAs ? "keep" : "auto";
}

/** Of two ends the one that sees the greater address, as text, leaves connecting to the other. */
function waits(own: IpAddress, peer: IpAddress): boolean {
  return peer > own;
}

type Ends = { readonly own: IpAddress; readonly address: IpAddress; readonly families: readonly Family[] };

function endsBetween(node: BgpNode, other: BgpNode): Ends[] {
  return versionsOfBoth(node, other).flatMap((version) => {
    const [own, address] = [node.address[version], other.address[version]];
    if (own === undefined || address === undefined || own === address) return [];
    return [{ own, address, families: nodeFamilies(node, other, version) }];
  });
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

function wholeRange(prefix: Cidr): PrefixRange {
  return { prefix, minLength: cidrLength(prefix), maxLength: addressBits[cidrVersion(prefix)] };
}

type NamePrefix = "Mesh" | "Global" | "Node" | "Local_Workload";

function sessionName(type: NamePrefix, address: IpAddress, port?: number): string {
  return `${type}_${address.replace(/[.:]/g, "_")}${port === undefined ? "" : `_port_${port}`}`;
}
