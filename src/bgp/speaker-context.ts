import type { Random } from "../lib/index.ts";
import type { AttributeTable } from "./attribute-table.ts";
import type { Family, PeerConfig, SpeakerConfig } from "./config.ts";
import type { ExportPolicy, Exporter } from "./export.ts";
import type { Open } from "./open.ts";
import type { PrefixKey } from "./prefix-key.ts";
import type { RibTable } from "./rib.ts";
import type { ConnectionId, Outbox } from "./steps.ts";

/** What the peers of one speaker share. */
export interface SpeakerContext {
  readonly outbox: Outbox;
  readonly random: Random;
  readonly config: SpeakerConfig;
  readonly exportWithin: Readonly<Record<Family, readonly PrefixKey[] | "all">>;
  readonly tables: Readonly<Record<Family, RibTable>>;
  readonly attributes: AttributeTable;
  /** The name of the peer that a connection belongs to, for as long as it does. */
  readonly ownerByConnection: Map<ConnectionId, string>;
  /** The OPEN to greet this peer with now. `hasMet`: there was a session with it in this life of ours. */
  makeOpen(peer: PeerConfig, hasMet: boolean): Open;
  nextConnectionId(): ConnectionId;
  /** One exporter for all that ask with the same policy. */
  exporterOf(policy: ExportPolicy): Exporter;
  wantTurn(): void;
  notice(peer: string, text: string, detail: string): void;
}
