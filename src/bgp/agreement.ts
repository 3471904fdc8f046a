import { type Family, allFamilies } from "./config.ts";
import { maxExtendedMessageBytes, maxMessageBytes } from "./numbers.ts";
import type { Open } from "./open.ts";
import type { UpdateContext } from "./update.ts";

/** What both ends agreed on. */
export type Agreement = UpdateContext & {
  readonly peerOpen: Open;
  /** 0: neither end wants to be heard of. */
  readonly holdTimeMs: number;
  /** Of what we send and of what we take: 4,096 or 65,535 (RFC 8654). */
  readonly maxMessageBytes: number;
  /** Families whose prefixes go out with path identifiers (RFC 7911). */
  readonly addPathSend: readonly Family[];
  /** The peer answers a request for everything again (RFC 2918). */
  readonly canRefresh: boolean;
  /** Both ends mark where such an answer begins and ends (RFC 7313). */
  readonly canEnhancedRefresh: boolean;
  /** A NOTIFICATION other than Hard Reset ends the session as a loss does (RFC 8538). */
  readonly hasGracefulNotifications: boolean;
};

export function agree(own: Open, peer: Open): Agreement {
  const families = own.families.filter((family) => peer.families.includes(family));
  const canSend = (open: Open, family: Family) => open.addPath.some((one) => one.family === family && one.canSend);
  const canReceive = (open: Open, family: Family) =>
    open.addPath.some((one) => one.family === family && one.canReceive);
  const holdTimeSeconds = Math.min(own.holdTimeSeconds, peer.holdTimeSeconds);
  return {
    isInternal: peer.asNumber === own.asNumber,
    isFourOctetAs: own.hasFourOctetAs && peer.hasFourOctetAs,
    families,
    addPathSend: families.filter((family) => canSend(own, family) && canReceive(peer, family)),
    addPathReceive: families.filter((family) => canReceive(own, family) && canSend(peer, family)),
    hasExtendedNextHop: own.hasExtendedNextHop && peer.hasExtendedNextHop && families.includes("ipv4-unicast"),
    peerOpen: peer,
    holdTimeMs: holdTimeSeconds * 1000,
    maxMessageBytes: own.hasExtendedMessages && peer.hasExtendedMessages ? maxExtendedMessageBytes : maxMessageBytes,
    canRefresh: peer.canRefresh,
    canEnhancedRefresh: own.hasEnhancedRefresh && peer.hasEnhancedRefresh,
    hasGracefulNotifications:
      own.gracefulRestart?.hasNotifications === true && peer.gracefulRestart?.hasNotifications === true,
  };
}

/** What was agreed on, by the names that people know. */
export function agreedCapabilities(agreement: Agreement): string[] {
  const { peerOpen, addPathSend, addPathReceive, hasExtendedNextHop } = agreement;
  return [
    ...(agreement.isFourOctetAs ? ["four-octet-as"] : []),
    ...(agreement.maxMessageBytes > maxMessageBytes ? ["extended-message"] : []),
    ...(agreement.canRefresh ? ["route-refresh"] : []),
    ...(agreement.canEnhancedRefresh ? ["enhanced-route-refresh"] : []),
    ...(hasExtendedNextHop ? ["extended-next-hop ipv4-unicast"] : []),
    ...allFamilies.filter((family) => addPathSend.includes(family)).map((family) => `add-path send ${family}`),
    ...allFamilies.filter((family) => addPathReceive.includes(family)).map((family) => `add-path receive ${family}`),
    ...(peerOpen.gracefulRestart === undefined ? [] : ["graceful-restart"]),
    ...(agreement.hasGracefulNotifications ? ["graceful-restart notification"] : []),
    ...(peerOpen.longLivedRestart === undefined ? [] : ["long-lived-graceful-restart"]),
  ];
}
