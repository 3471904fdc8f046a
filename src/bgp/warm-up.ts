import { type IpAddress, addressFromBytes, cidrFromBytes } from "../lib/index.ts";
import { emptyAttributes, writeAttributes } from "./attributes.ts";
import { type Family, type SpeakerConfig, allFamilies } from "./config.ts";
import { MessageLog } from "./message-log.ts";
import { writeKeepalive, writeOpenMessage } from "./message.ts";
import { maxMessageBytes } from "./numbers.ts";
import { type PrefixKey, keyAt } from "./prefix-key.ts";
import { SpeakerCore } from "./speaker-core.ts";
import type { SpeakerInput } from "./steps.ts";
import { type EncodedAttributes, type Nlri, writeAnnouncements, writeWithdrawals } from "./update-writer.ts";

const clients = 16;
const prefixes = 100;
/** How often all of them come, announce, withdraw and go. Another one gains next to nothing. */
const rounds = 2;
/** Clients that are heard between two turns. */
const clientsATurn = 8;

/**
 * Plays some days of a small network to a speaker that is thrown away, so that the engine has compiled what every route
 * goes through before the first one comes: a network that starts does so all at once. Takes some 0.1 s. Gives the octets
 * that the clients were told.
 */
export function warmUp(): number {
  const core = new SpeakerCore({ isRestart: false, tellsRoutes: false, random: () => 0.5 });
  // As octets come from a socket: one buffer for all that is read.
  const buffer = new Uint8Array(8192);
  let toldBytes = 0;
  let isTurnWanted = false;
  const step = (input: SpeakerInput) => {
    for (const output of core.step(input, 0)) {
      if (output.type === "write") toldBytes += output.bytes.length;
      if (output.type === "wantTurn") isTurnWanted = true;
    }
  };
  const settle = () => {
    while (isTurnWanted) {
      isTurnWanted = false;
      step({ type: "turn" });
    }
  };
  const say = (connection: string, bytes: Uint8Array) => {
    buffer.set(bytes);
    step({ type: "bytes", connection, bytes: buffer.subarray(0, bytes.length) });
  };
  step({ type: "configure", config });
  step({ type: "originate", routes: [] });
  for (let round = 0; round < rounds; round++) {
    const names = Array.from({ length: clients }, (_, i) => `in:${round} ${i}`);
    for (const [i, connection] of names.entries()) {
      step({ type: "accepted", connection, localAddress: routerId, remoteAddress: clientAddress(i) });
      say(connection, openOf(i));
      say(connection, writeKeepalive());
    }
    settle();
    for (const write of [announcements, withdrawals]) {
      for (const [i, connection] of names.entries()) {
        for (const bytes of write(i)) say(connection, bytes);
        if (i % clientsATurn === 0) settle();
      }
      settle();
    }
    for (const connection of names) step({ type: "closed", connection, reason: "" });
    settle();
  }
  return toldBytes;
}

const routerId = addressFromBytes(Uint8Array.of(192, 0, 2, 1));
const config: SpeakerConfig = {
  localAs: 64_512,
  routerId,
  listenPort: 179,
  restartTimeSeconds: 0,
  exportWithin: "all",
  isPolicyRequired: true,
  peers: [],
  ranges: [
    {
      name: "clients",
      prefix: cidrFromBytes(Uint8Array.of(198, 18, 0, 0), 15),
      maxPeers: 1000,
      session: {
        type: "dynamic",
        port: 179,
        asNumber: "internal",
        isPassive: false,
        families: allFamilies,
        nextHopMode: "auto",
        reflectorCluster: routerId,
      },
    },
  ],
};

/** Of the block that is set aside for measurements (RFC 2544). */
function clientAddress(client: number): IpAddress {
  return addressFromBytes(Uint8Array.of(198, 18, client >> 8, client));
}

function openOf(client: number): Uint8Array {
  return writeOpenMessage({
    asNumber: config.localAs,
    holdTimeSeconds: 0,
    routerId: clientAddress(client),
    families: allFamilies,
    canRefresh: true,
    hasFourOctetAs: true,
    hasExtendedMessages: false,
    hasEnhancedRefresh: false,
    hasExtendedNextHop: false,
    addPath: [],
  });
}

function announcements(client: number): readonly Uint8Array[] {
  return messages(client, (log, nlri, family) => {
    const nextHop = family === "ipv4-unicast" ? clientAddress(client) : undefined;
    const attributes = { ...emptyAttributes, localPref: 100, ...(nextHop === undefined ? {} : { nextHop }) };
    const encoded: EncodedAttributes = {
      bytes: writeAttributes(attributes, true),
      nextHop: nextHop === undefined ? addressOf6(client, 0) : undefined,
    };
    writeAnnouncements(log, nlri, encoded, formatOf(family));
  });
}

function withdrawals(client: number): readonly Uint8Array[] {
  return messages(client, (log, nlri, family) => writeWithdrawals(log, nlri, formatOf(family)));
}

function messages(
  client: number,
  write: (log: MessageLog, nlri: readonly Nlri[], family: Family) => void,
): readonly Uint8Array[] {
  return allFamilies.flatMap((family) => {
    const log = new MessageLog();
    const nlri = Array.from({ length: prefixes }, (_, i) => ({ key: keyOf(family, client, i), pathId: 0 }));
    write(log, nlri, family);
    return log.read(0);
  });
}

function keyOf(family: Family, client: number, number: number): PrefixKey {
  if (family === "ipv4-unicast") return keyAt(Uint8Array.of(10, client, number >> 8, number), 0, 32);
  return keyAt(addressOf6(client, number), 0, 128);
}

/** Of the block for examples (RFC 3849). */
function addressOf6(client: number, number: number): Uint8Array {
  const octets = new Uint8Array(16);
  octets.set([0x20, 0x01, 0x0d, 0xb8, client >> 8, client, number >> 8, number]);
  return octets;
}

function formatOf(family: Family) {
  return { family, hasPathIds: false, maxMessageBytes };
}
