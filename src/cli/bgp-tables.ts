import type { PeerStatus, RibPath, RibRow } from "../bgp/index.ts";
import { formatAge, formatTable } from "../lib/index.ts";
import type { BgpNeighbors } from "../speaker/index.ts";
import {
  describeAttributes,
  describeLastError,
  explainLoss,
  explainWin,
  formatCommunity,
  peerTypes,
  stepNames,
} from "./bgp-words.ts";

/** All sessions, one a line. */
export function describeNeighbors({ localAs, routerId, neighbors }: BgpNeighbors, isWide: boolean): string {
  const standing = neighbors.filter(({ state }) => state === "established").length;
  const headings = ["NEIGHBOR", "AS", "STATE", "SINCE", "IN", "OUT", ...(isWide ? wideHeadings : []), "NOTE"];
  const rows = neighbors.map((peer) => [
    peer.address,
    formatAs(peer),
    peer.state,
    formatAge(peer.since),
    String(peer.prefixesReceived),
    String(peer.prefixesSent),
    ...(isWide ? wideCells(peer) : []),
    noteOf(peer),
  ]);
  return [
    `AS ${localAs}, router id ${routerId}: ${standing} of ${neighbors.length} sessions established`,
    ...(neighbors.length === 0 ? [] : ["", formatTable(headings, rows)]),
  ].join("\n");
}

const wideHeadings = ["NAME", "TYPE", "ROUTER ID", "LOCAL ADDRESS", "HOLD", "MSGS IN", "MSGS OUT", "REFUSED", "BFD"];

function wideCells(peer: PeerStatus): string[] {
  return [
    peer.name,
    `${peerTypes[peer.type]}${peer.isReflectorClient ? ", client" : ""}`,
    peer.routerId ?? "",
    peer.localAddress ?? "",
    peer.holdTimeMs === 0 ? "" : `${peer.holdTimeMs / 1000}s`,
    String(peer.messagesReceived),
    String(peer.messagesSent),
    String(peer.prefixesRefused),
    peer.bfd ?? "",
  ];
}

function formatAs({ asNumber }: PeerStatus): string {
  return asNumber === 0 ? "" : String(asNumber);
}

function noteOf(peer: PeerStatus): string {
  if (peer.isRestarting) return "restarting; its routes are kept";
  return peer.state === "established" ? "" : describeLastError(peer);
}

/** One session in full. */
export function describeNeighbor(peer: PeerStatus): string {
  const established = peer.state === "established";
  const facts: [string, string][] = [
    [
      "state",
      `${peer.state} since ${formatAge(peer.since)}${peer.isRestarting ? "; restarting, its routes are kept" : ""}`,
    ],
    ["AS", `${formatAs(peer)}${peer.isReflectorClient ? ", a client of this route reflector" : ""}`],
    ["type", peerTypes[peer.type]],
    [
      "address",
      `${peer.address} port ${peer.port}${peer.localAddress === undefined ? "" : `, ours is ${peer.localAddress}`}`,
    ],
    ["router id", peer.routerId ?? ""],
    [established ? "families" : "families wanted", peer.families.join(", ")],
    ["agreed on", peer.capabilities.join(", ")],
    ["hold time", peer.holdTimeMs === 0 ? "" : `${peer.holdTimeMs / 1000} s`],
    [
      "prefixes in",
      `${peer.prefixesReceived}${peer.prefixesRefused === 0 ? "" : `, ${peer.prefixesRefused} of them refused`}`,
    ],
    ["prefixes out", String(peer.prefixesSent)],
    ["messages", `${peer.messagesReceived} in, ${peer.messagesSent} out`],
    ["BFD", peer.bfd ?? ""],
    [peer.isWithheld === true ? "withheld because" : "last error", describeLastError(peer)],
  ];
  const told = facts.filter(([, value]) => value !== "");
  const width = Math.max(...told.map(([name]) => name.length));
  return [peer.name, ...told.map(([name, value]) => `  ${name.padEnd(width)}   ${value}`)].join("\n");
}

/** A table of routes: `table` is all that is known, `peer` what went to or came from one peer. */
export type RouteLayout = { readonly of: "table" | "peer"; readonly isWide: boolean };

export function routeHeadings({ of, isWide }: RouteLayout): string[] {
  return [
    "PREFIX",
    "NEXT HOP",
    ...(of === "table" ? ["FROM"] : []),
    "AS PATH",
    "LOCAL PREF",
    "MED",
    ...(isWide ? ["ORIGIN", "ORIGINATOR", "CLUSTERS", "PATH ID"] : []),
    ...(isWide || of === "peer" ? ["COMMUNITIES"] : []),
    ...(of === "table" ? ["WHY"] : []),
  ];
}

/** One line a path; the prefix stands on the first. */
export function routeCells(row: RibRow, { of, isWide }: RouteLayout): string[][] {
  const isMultipath = row.paths.filter(({ isUsed }) => isUsed).length > 1;
  return row.paths.map((path, at) => [
    at === 0 ? row.prefix : "",
    path.nextHop ?? "own",
    ...(of === "table" ? [path.peerName ?? ""] : []),
    path.asPath.join(" "),
    path.localPref === undefined ? "" : String(path.localPref),
    path.med === undefined ? "" : String(path.med),
    ...(isWide ? wideRouteCells(path) : []),
    ...(isWide || of === "peer" ? [communitiesOf(path)] : []),
    ...(of === "table" ? [whyOf(row, path, isMultipath)] : []),
  ]);
}

function wideRouteCells(path: RibPath): string[] {
  return [
    path.origin ?? "",
    path.originatorId ?? "",
    path.clusterList?.join(" ") ?? "",
    path.pathId === undefined ? "" : String(path.pathId),
  ];
}

function communitiesOf({ communities, largeCommunities = [] }: RibPath): string {
  return [...communities.map(formatCommunity), ...largeCommunities.map((one) => one.join(":"))].join(" ");
}

function whyOf(row: RibRow, path: RibPath, isMultipath: boolean): string {
  if (path.refusal !== undefined) return `refused: ${path.refusal}`;
  const verdict = path.isBest
    ? `best (${stepNames[row.decidedBy]})`
    : path.isUsed
      ? "multipath"
      : `lost at ${stepNames[path.lostAt ?? "onlyPath"]}`;
  return [verdict, path.isBest && isMultipath ? "multipath" : "", path.isStale ? "stale" : ""]
    .filter((word) => word !== "")
    .join(", ");
}

/** Each path of one prefix, and in words why it won or lost. */
export function describeRoute(row: RibRow): string {
  const count = row.paths.length === 1 ? "1 path" : `${row.paths.length} paths`;
  return [`${row.prefix}: ${count}`, ...row.paths.flatMap((path) => ["", ...describePath(row, path)])].join("\n");
}

function describePath(row: RibRow, path: RibPath): string[] {
  const from = path.peerName === undefined ? "of our own" : `from ${path.peerName}`;
  const via = path.nextHop === undefined ? "" : `via ${path.nextHop} `;
  const scope = path.peerName === undefined ? "" : path.isInternal ? " (internal)" : " (external)";
  return [
    `${path.isBest ? "*" : path.isUsed ? "=" : " "} ${via}${from}${scope}`,
    `    ${describeAttributes(path)}`,
    `    ${path.isBest ? explainWin(row) : explainLoss(row, path)}`,
  ];
}
