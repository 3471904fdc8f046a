import type { IpAddress } from "../lib/index.ts";
import type { BfdConfig, Family, OriginatedRoute, PeerStatus, RouteUpdate, SpeakerConfig } from "./config.ts";

/** One TCP connection: `out:N` is named by the core when it asks for it, any other name is given by the driver. */
export type ConnectionId = string;

/** What may happen to a speaker. A recording writes `bytes` as hex; all else survives JSON. */
export type SpeakerInput =
  | { readonly type: "configure"; readonly config: SpeakerConfig }
  | { readonly type: "originate"; readonly routes: readonly OriginatedRoute[] }
  /** The connection that a `connect` output asked for stands. */
  | { readonly type: "connected"; readonly connection: ConnectionId; readonly localAddress: IpAddress }
  | {
      readonly type: "accepted";
      readonly connection: ConnectionId;
      readonly localAddress: IpAddress;
      readonly remoteAddress: IpAddress;
      /** Of a link-local address. */
      readonly linkName?: string;
    }
  /** It failed to come up, or was closed by the peer or by the network. Not sent for what the core closed itself. */
  | { readonly type: "closed"; readonly connection: ConnectionId; readonly reason: string }
  | { readonly type: "bytes"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  /** The connection's send buffer is full: keep the routes until `drained`. */
  | { readonly type: "blocked"; readonly connection: ConnectionId }
  | { readonly type: "drained"; readonly connection: ConnectionId }
  | { readonly type: "timer"; readonly timer: string }
  /**
   * BFD's word about a peer (RFC 5882): going down ends the session at once, as a loss; not when `isOff`, since the peer has
   * only switched BFD off.
   */
  | { readonly type: "bfd"; readonly peer: string; readonly isUp: boolean; readonly isOff?: boolean }
  /** Ask the peer to tell all its routes again, when it can (RFC 2918). */
  | { readonly type: "refresh"; readonly peer: string }
  /** The host's cost of reaching next hops that are tracked; without one there is no way. */
  | {
      readonly type: "nextHops";
      readonly costs: readonly { readonly nextHop: IpAddress; readonly cost: number | undefined }[];
    }
  /** The answer to `wantTurn`, when the inputs that were waiting have been given. */
  | { readonly type: "turn" }
  /**
   * `restart`: the connections just end, so that peers keep our routes. `shutDown`: the peers are told, with `text`
   * for whoever reads their logs (RFC 9003: at most 255 octets of UTF-8).
   */
  | { readonly type: "stop"; readonly reason: "restart" | "shutDown"; readonly text?: string };

export type SpeakerOutput =
  | {
      readonly type: "connect";
      readonly connection: ConnectionId;
      readonly localAddress?: IpAddress;
      readonly remoteAddress: IpAddress;
      readonly port: number;
      readonly linkName?: string;
      readonly ttlSecurityHops?: number;
      readonly password?: string;
    }
  /** From now on the connection, which has a password, has this one (RFC 2385). */
  | { readonly type: "rekey"; readonly connection: ConnectionId; readonly password: string }
  /** The octets may be shared between connections: nobody may write into them. */
  | { readonly type: "write"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  /** After what was written before. The core knows the connection no more. */
  | { readonly type: "close"; readonly connection: ConnectionId }
  | { readonly type: "setTimer"; readonly timer: string; readonly atMs: number }
  | { readonly type: "clearTimer"; readonly timer: string }
  /** Work is waiting that should be done once for all inputs of this turn of the event loop. */
  | { readonly type: "wantTurn" }
  | { readonly type: "routes"; readonly updates: readonly RouteUpdate[] }
  | { readonly type: "peer"; readonly status: PeerStatus }
  | { readonly type: "restartEnd"; readonly family: Family }
  /** With `hasNextHopTracking`: next hops that matter from now on, or no more. Each is answered by `nextHops`, now and when it changes. */
  | { readonly type: "trackNextHops"; readonly nextHops: readonly IpAddress[] }
  | { readonly type: "untrackNextHops"; readonly nextHops: readonly IpAddress[] }
  /** Sessions that BFD should watch, as a whole; told when they differ. */
  | {
      readonly type: "bfdPeers";
      readonly peers: readonly {
        readonly name: string;
        readonly address: IpAddress;
        readonly localAddress?: IpAddress;
        readonly linkName?: string;
        readonly bfd: BfdConfig;
      }[];
    }
  /** For the log: `text` is fixed, `detail` says more. */
  | { readonly type: "notice"; readonly peer: string; readonly text: string; readonly detail: string };

/** Where the parts of the core put their outputs; the owner of a step reads it. */
export type Outbox = SpeakerOutput[];

/** The part of a timer's name before the bar says whose it is. */
export function timerName(owner: string, timer: string): string {
  return `${owner}|${timer}`;
}

export function splitTimerName(name: string): { owner: string; timer: string } {
  const bar = name.lastIndexOf("|");
  return { owner: name.slice(0, bar), timer: name.slice(bar + 1) };
}
