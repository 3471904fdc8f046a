import {
  type BfdConfig,
  type Family,
  type NextHopMode,
  type PeerConfig,
  type PeerRange,
  type RoutePolicy,
  type SessionConfig,
  type SpeakerConfig,
  allFamilies,
} from "../bgp/index.ts";
import { type Cidr, type IpAddress, type Result, failure, success } from "../lib/index.ts";
import type { Listen } from "./listen.ts";

/** How sessions of one sort are held. Absent members have the defaults. */
export type SessionSettings = {
  readonly families?: readonly Family[];
  /** 0 or 3 to 65,535. */
  readonly holdTimeSeconds?: number;
  /** How long peers keep what we told while we are away: 0 to 4,095. */
  readonly restartTimeSeconds?: number;
  /** How much longer they, and we, keep such routes as a last resort: 0 to 16,777,215. */
  readonly longLivedStaleSeconds?: number;
  /** Paths told a prefix, 1 to 255; absent or 1: the best one, without path identifiers. */
  readonly addPath?: number;
  readonly password?: string;
  /** 1 to 254. */
  readonly ttlSecurityHops?: number;
  /** Prefixes of one family that end the session. */
  readonly maxPrefixes?: number;
  readonly bfd?: BfdConfig;
  readonly importPolicy?: RoutePolicy;
  readonly exportPolicy?: RoutePolicy;
};

type ClientRange = SessionSettings & {
  /** Unique; a client is called NAME/ADDRESS. */
  readonly name: string;
  readonly prefix: Cidr;
  readonly linkName?: string;
  readonly maxClients: number;
};

type NamedPeer = SessionSettings & {
  /** Unique. */
  readonly name: string;
  readonly address: IpAddress;
  readonly linkName?: string;
  readonly port: number;
  readonly localAddress?: IpAddress;
  readonly asNumber: number | "internal" | "external";
  /** Of this route reflector; internal peers only. */
  readonly isClient: boolean;
  /** Wait for it to connect. */
  readonly isPassive: boolean;
  readonly nextHopMode?: NextHopMode;
};

export type ReflectorSettings = {
  readonly asNumber: number;
  readonly routerId: IpAddress;
  readonly clusterId: IpAddress;
  readonly listen: Listen;
  /** What is reflected at all; everything when absent. */
  readonly reflectWithin?: readonly Cidr[];
  readonly clients: readonly ClientRange[];
  readonly peers: readonly NamedPeer[];
};

export const defaults = { port: 179, maxClients: 10_000, restartTimeSeconds: 120 } as const;

export function speakerConfig(settings: ReflectorSettings): SpeakerConfig {
  const { asNumber, routerId, clusterId, listen, reflectWithin, clients, peers } = settings;
  return {
    localAs: asNumber,
    routerId,
    listenPort: listen.port,
    ...(listen.addresses === undefined ? {} : { listenAddresses: listen.addresses }),
    restartTimeSeconds: defaults.restartTimeSeconds,
    exportWithin: reflectWithin ?? "all",
    // RFC 8212: an outside AS gets and gives nothing before somebody has said what.
    isPolicyRequired: true,
    peers: peers.map((peer) => peerConfig(peer, clusterId)),
    ranges: clients.map((range) => rangeConfig(range, clusterId)),
  };
}

function rangeConfig(range: ClientRange, clusterId: IpAddress): PeerRange {
  const { name, prefix, linkName, maxClients } = range;
  return {
    name,
    prefix,
    ...(linkName === undefined ? {} : { linkName }),
    maxPeers: maxClients,
    session: {
      ...sessionConfig(range),
      type: "dynamic",
      port: defaults.port,
      asNumber: "internal",
      isPassive: false,
      reflectorCluster: clusterId,
    },
  };
}

function peerConfig(peer: NamedPeer, clusterId: IpAddress): PeerConfig {
  const { name, address, linkName, port, localAddress, asNumber, isClient, isPassive, nextHopMode = "auto" } = peer;
  return {
    ...sessionConfig(peer),
    name,
    type: "nodePeer",
    address,
    port,
    asNumber,
    isPassive,
    nextHopMode,
    ...(linkName === undefined ? {} : { linkName }),
    ...(localAddress === undefined ? {} : { localAddress }),
    ...(isClient ? { reflectorCluster: clusterId } : {}),
  };
}

type SharedSession = Omit<SessionConfig, "type" | "port" | "asNumber" | "isPassive">;

function sessionConfig(settings: SessionSettings): SharedSession {
  const { families = allFamilies, addPath, maxPrefixes } = settings;
  const { holdTimeSeconds, restartTimeSeconds, longLivedStaleSeconds } = settings;
  const { password, ttlSecurityHops, bfd, importPolicy, exportPolicy } = settings;
  return {
    families,
    nextHopMode: "auto",
    ...(holdTimeSeconds === undefined ? {} : { holdTimeSeconds }),
    ...(restartTimeSeconds === undefined ? {} : { restartTimeSeconds }),
    ...(longLivedStaleSeconds === undefined ? {} : { longLivedStaleSeconds }),
    ...(password === undefined ? {} : { password }),
    ...(ttlSecurityHops === undefined ? {} : { ttlSecurityHops }),
    ...(addPath === undefined || addPath === 1
      ? {}
      : { addPath: { canSend: true, canReceive: true, maxSent: addPath } }),
    ...(maxPrefixes === undefined ? {} : { maxPrefixes: { count: maxPrefixes, action: "end" } }),
    ...(bfd === undefined ? {} : { bfd }),
    ...(importPolicy === undefined ? {} : { importPolicy }),
    ...(exportPolicy === undefined ? {} : { exportPolicy }),
  };
}

/** The password in the text of a file; the end of its line is none of it. `path` is where the file was named. */
export function readPassword(text: string, path: string): Result<string> {
  const password = text.replace(/\r?\n$/, "");
  const sizeBytes = Buffer.byteLength(password);
  // The text itself is in no message.
  if (sizeBytes === 0) return failure(path, "the file holds no password", "write it as the only line");
  if (sizeBytes > 80) return failure(path, `the password has ${sizeBytes} octets`, "use at most 80");
  return success(password);
}
