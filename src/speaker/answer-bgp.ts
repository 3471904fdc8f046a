import { type Family, type PeerStatus, type RibRow, type RouteQuery, allFamilies } from "../bgp/index.ts";
import {
  type Cidr,
  type IpAddress,
  addressToCidr,
  cidrAddress,
  cidrLength,
  cidrVersion,
  compareAddresses,
  makeCidr,
  parseAddress,
  parseCidr,
} from "../lib/index.ts";
import type { Answer } from "../sys/index.ts";

/** What may be asked of a speaker. */
export type BgpView = {
  readonly localAs: number;
  readonly routerId: IpAddress;
  status(): readonly PeerStatus[];
  routes(query: RouteQuery): Iterable<RibRow>;
  /** What the peer has told, before any policy; empty for a peer that is not there. */
  received(peerName: string): Iterable<RibRow>;
  /** What the peer has been told. */
  advertised(peerName: string): Iterable<RibRow>;
};

/** The answer to `GET /v1/bgp/neighbors`. */
export type BgpNeighbors = {
  readonly localAs: number;
  readonly routerId: IpAddress;
  /** Ordered by address; `since` is milliseconds ago. */
  readonly neighbors: readonly PeerStatus[];
};

/** Peers that an error names. */
const maxNamed = 10;

/**
 * Questions about BGP on the control socket of a program that speaks it. All but the first are answered with one RibRow
 * a line.
 *
 *     GET /v1/bgp/neighbors[?peer=NAME|ADDRESS]
 *     GET /v1/bgp/routes[?covering=PREFIX|ADDRESS][&family=FAMILY]
 *     GET /v1/bgp/received?peer=NAME|ADDRESS[&family=FAMILY]
 *     GET /v1/bgp/advertised?peer=NAME|ADDRESS[&family=FAMILY]
 *
 * Undefined when it is no such question. Without a view there is no speaker yet.
 */
export function answerBgp(method: string, path: string, view: BgpView | undefined, nowMs: number): Answer | undefined {
  if (method !== "GET" || !path.startsWith("/v1/bgp/")) return undefined;
  const url = new URL(path, "http://socket");
  const question = questions[url.pathname];
  if (question === undefined) return undefined;
  if (view === undefined) {
    return refuse(503, "BGP is not running here yet", "look again when the program knows its peers");
  }
  return question(view, url.searchParams, nowMs);
}

type Question = (view: BgpView, parameters: URLSearchParams, nowMs: number) => Answer;

const questions: Readonly<Record<string, Question>> = {
  "/v1/bgp/neighbors": answerNeighbors,
  "/v1/bgp/routes": answerRoutes,
  "/v1/bgp/received": (view, parameters) => answerPeerRoutes(view, parameters, (peer) => view.received(peer)),
  "/v1/bgp/advertised": (view, parameters) => answerPeerRoutes(view, parameters, (peer) => view.advertised(peer)),
};

function answerNeighbors(view: BgpView, parameters: URLSearchParams, nowMs: number): Answer {
  const { localAs, routerId } = view;
  const wanted = parameters.get("peer");
  const all = view.status();
  const found = wanted === null ? all : findPeers(all, wanted);
  if (wanted !== null && found.length === 0) return refuseUnknown(all, wanted);
  const neighbors = found
    .toSorted((a, b) => compareAddresses(a.address, b.address) || compareText(a.name, b.name))
    .map((peer) => ({ ...peer, since: Math.max(0, Math.round(nowMs - peer.since)) }));
  return { status: 200, body: { localAs, routerId, neighbors } satisfies BgpNeighbors };
}

function answerRoutes(view: BgpView, parameters: URLSearchParams): Answer {
  const covering = parameters.get("covering");
  const family = familyNamed(parameters.get("family"));
  if (covering === null) return { status: 200, lines: view.routes(family === undefined ? {} : { family }) };
  const address = parseAddress(covering);
  const wanted = address === undefined ? parseCidr(covering, { hostBits: true }) : addressToCidr(address);
  if (wanted === undefined) {
    return refuse(400, `${covering}: neither an address nor a prefix`, "write it like 10.65.0.7 or 10.65.0.0/26");
  }
  return { status: 200, lines: rowsCovering(view, wanted) };
}

function answerPeerRoutes(
  view: BgpView,
  parameters: URLSearchParams,
  rowsOf: (peerName: string) => Iterable<RibRow>,
): Answer {
  const wanted = parameters.get("peer") ?? "";
  const all = view.status();
  const found = findPeers(all, wanted);
  const [peer] = found;
  if (peer === undefined) return refuseUnknown(all, wanted);
  if (found.length > 1) {
    return refuse(400, `${wanted}: there are several sessions with it`, `name one of ${nameSome(found)}`);
  }
  return { status: 200, lines: ofFamily(rowsOf(peer.name), parameters) };
}

function findPeers(all: readonly PeerStatus[], wanted: string): readonly PeerStatus[] {
  const byName = all.filter(({ name }) => name === wanted);
  const address = parseAddress(wanted);
  return byName.length > 0 || address === undefined ? byName : all.filter((peer) => peer.address === address);
}

function refuseUnknown(all: readonly PeerStatus[], wanted: string): Answer {
  const known = all.length === 0 ? "there is no peer at all" : `there are ${nameSome(all)}`;
  return refuse(404, `there is no peer ${wanted}`, known);
}

function nameSome(peers: readonly PeerStatus[]): string {
  const named = peers
    .map(({ name }) => name)
    .toSorted(compareText)
    .slice(0, maxNamed);
  const more = peers.length - named.length;
  return more === 0 ? named.join(", ") : `${named.join(", ")} and ${more} more`;
}

function* ofFamily(rows: Iterable<RibRow>, parameters: URLSearchParams): Generator<RibRow> {
  const family = familyNamed(parameters.get("family"));
  for (const row of rows) if (family === undefined || familyOf(row.prefix) === family) yield row;
}

/** The narrowest first. */
function* rowsCovering(view: BgpView, wanted: Cidr): Generator<RibRow> {
  for (let length = cidrLength(wanted); length >= 0; length--) {
    yield* view.routes({ prefix: makeCidr(cidrAddress(wanted), length) });
  }
}

function familyNamed(text: string | null): Family | undefined {
  return allFamilies.find((family) => family === text);
}

function familyOf(prefix: Cidr): Family {
  return cidrVersion(prefix) === 4 ? "ipv4-unicast" : "ipv6-unicast";
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function refuse(status: 400 | 404 | 503, message: string, hint: string): Answer {
  const code = status === 503 ? "TT_AGENT_UNAVAILABLE" : "TT_USAGE";
  return { status, body: { error: { code, message, hint } } };
}
