import type { IpAddress } from "../lib/index.ts";
import type { Family, OriginatedRoute, PeerStatus, RouteUpdate, SpeakerConfig } from "./config.ts";

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
    }
  /** It failed to come up, or was closed by the peer or by the network. Not sent for what the core closed itself. */
  | { readonly type: "closed"; readonly connection: ConnectionId; readonly reason: string }
  | { readonly type: "bytes"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  /** The connection's send buffer is full: keep the routes until `drained`. */
  | { readonly type: "blocked"; readonly connection: ConnectionId }
  | { readonly type: "drained"; readonly connection: ConnectionId }
  | { readonly type: "timer"; readonly timer: string }
  /** The answer to `wantTurn`, when the inputs that were waiting have been given. */
  | { readonly type: "turn" }
  /** `restart`: the connections just end, so that peers keep our routes. `shutDown`: the peers are told. */
  | { readonly type: "stop"; readonly reason: "restart" | "shutDown" };

export type SpeakerOutput =
  | {
      readonly type: "connect";
      readonly connection: ConnectionId;
      readonly localAddress?: IpAddress;
      readonly remoteAddress: IpAddress;
      readonly port: number;
      readonly ttlSecurityHops?: number;
    }
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
