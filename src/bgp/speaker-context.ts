import type { IpAddress, Random } from "../lib/index.ts";
import type { AttributeTable } from "./attribute-table.ts";
import type { Family, PeerConfig, SpeakerConfig } from "./config.ts";
import type { Open } from "./open.ts";
import type { PathIdSource } from "./path.ts";
import type { PrefixKey } from "./prefix-key.ts";
import type { RibTable } from "./rib.ts";
import type { ConnectionId, Outbox } from "./steps.ts";
import type { UpdateGroups } from "./update-groups.ts";

/** What the peers of one speaker share. */
export interface SpeakerContext {
  readonly outbox: Outbox;
  readonly random: Random;
  readonly config: SpeakerConfig;
  readonly exportWithin: Readonly<Record<Family, readonly PrefixKey[] | "all">>;
  /** The clusters that we reflect for, and our own identifier (RFC 4456 section 8). */
  readonly clusters: ReadonlySet<IpAddress>;
  readonly tables: Readonly<Record<Family, RibTable>>;
  readonly groups: UpdateGroups;
  readonly attributes: AttributeTable;
  readonly pathIds: PathIdSource;
  /** The name of the peer that a connection belongs to, for as long as it does. */
  readonly ownerByConnection: Map<ConnectionId, string>;
  /** The OPEN to greet this peer with now. `hasMet`: there was a session with it in this life of ours. */
  makeOpen(peer: PeerConfig, hasMet: boolean): Open;
  nextConnectionId(): ConnectionId;
  wantTurn(): void;
  notice(peer: string, text: string, detail: string): void;
  /** A session has come up or ended. */
  sessionChanged(): void;
  /** The peer is too slow to be kept: its session ends at the end of the turn. */
  giveUp(peer: string): void;
}
