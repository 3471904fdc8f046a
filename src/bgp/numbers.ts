import type { Family } from "./config.ts";

/** Numbers of the wire, with the names that the RFCs give them. */
export const messageType = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const;

export const headerBytes = 19;
export const maxMessageBytes = 4096;
/** RFC 8654: OPEN and KEEPALIVE stay at 4,096. */
export const maxExtendedMessageBytes = 65535;

export const attributeType = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  med: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  mpReach: 14,
  mpUnreach: 15,
  extendedCommunities: 16,
  as4Path: 17,
  as4Aggregator: 18,
  largeCommunities: 32,
} as const;

export const attributeFlag = { optional: 0x80, transitive: 0x40, partial: 0x20, extendedLength: 0x10 } as const;

export const capabilityCode = {
  multiprotocol: 1,
  routeRefresh: 2,
  extendedNextHop: 5,
  extendedMessage: 6,
  gracefulRestart: 64,
  fourOctetAs: 65,
  addPath: 69,
  enhancedRefresh: 70,
  longLivedRestart: 71,
} as const;

/** Stands for an AS number above 65,535 where only two octets fit (RFC 6793). */
export const asTrans = 23456;

export const community = {
  noExport: 0xffffff01,
  noAdvertise: 0xffffff02,
  noExportSubconfed: 0xffffff03,
  /** RFC 8326. */
  gracefulShutdown: 0xffff0000,
  /** RFC 9494. */
  llgrStale: 0xffff0006,
  noLlgr: 0xffff0007,
} as const;

/** RFC 7313. */
export const refreshSubtype = { ask: 0, begin: 1, end: 2 } as const;

export const errorCode = {
  header: 1,
  open: 2,
  update: 3,
  holdTimer: 4,
  fsm: 5,
  cease: 6,
  routeRefresh: 7,
  sendHoldTimer: 8,
} as const;

/** RFC 4486, RFC 8538 and RFC 9384. */
export const ceaseSubcode = {
  maxPrefixes: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  otherConfigurationChange: 6,
  collision: 7,
  outOfResources: 8,
  hardReset: 9,
  bfdDown: 10,
} as const;

const afiByFamily: Readonly<Record<Family, number>> = { "ipv4-unicast": 1, "ipv6-unicast": 2 };
export const unicastSafi = 1;

export function afiOf(family: Family): number {
  return afiByFamily[family];
}

/** Undefined for a family that we do not speak. */
export function familyOf(afi: number, safi: number): Family | undefined {
  if (safi !== unicastSafi) return undefined;
  if (afi === 1) return "ipv4-unicast";
  return afi === 2 ? "ipv6-unicast" : undefined;
}

export function versionOf(family: Family): 4 | 6 {
  return family === "ipv4-unicast" ? 4 : 6;
}
