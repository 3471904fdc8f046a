import { type IpAddress, addressVersion } from "../lib/index.ts";
import type { Agreement } from "./agreement.ts";
import type { Family, PeerConfig, SpeakerConfig } from "./config.ts";
import type { ExportPolicy } from "./export.ts";
import type { ImportPolicy } from "./import.ts";
import type { PrefixKey } from "./prefix-key.ts";

/** What decides about a session's routes. */
export type SessionFacts = {
  readonly speaker: SpeakerConfig;
  readonly peer: PeerConfig;
  readonly agreement: Agreement;
  readonly localAddress: IpAddress | undefined;
  /** The clusters that we reflect for, and our own identifier. */
  readonly clusters: ReadonlySet<IpAddress>;
  readonly exportWithin: Readonly<Record<Family, readonly PrefixKey[] | "all">>;
};

export function makeImportPolicy(family: Family, facts: SessionFacts): ImportPolicy {
  const { speaker, peer, agreement, localAddress, clusters } = facts;
  return {
    family,
    localAs: speaker.localAs,
    sessionAs: sessionAs(facts),
    allowLocalAs: peer.allowLocalAs ?? 0,
    routerId: speaker.routerId,
    clusters,
    peerAs: agreement.peerOpen.asNumber,
    isInternal: agreement.isInternal,
    ownAddresses: [localAddress, speaker.nextHop4, speaker.nextHop6].filter((address) => address !== undefined),
    hasExtendedNextHop: agreement.hasExtendedNextHop,
    policy: peer.importPolicy,
    isPolicyRequired: speaker.isPolicyRequired === true,
  };
}

export function makeExportPolicy(family: Family, facts: SessionFacts): ExportPolicy {
  const { speaker, peer, agreement } = facts;
  const { isInternal, peerOpen } = agreement;
  const isRequired = speaker.isPolicyRequired === true && !isInternal;
  return {
    family,
    localAs: speaker.localAs,
    sessionAs: sessionAs(facts),
    isInternal,
    cluster: isInternal ? peer.reflectorCluster : undefined,
    isFourOctetAs: agreement.isFourOctetAs,
    maxMessageBytes: agreement.maxMessageBytes,
    maxPaths: agreement.addPathSend.includes(family) ? Math.max(1, peer.addPath?.maxSent ?? 1) : undefined,
    nextHopMode: peer.nextHopMode,
    ownNextHop: ownNextHop(family, facts),
    hasExtendedNextHop: family === "ipv4-unicast" && agreement.hasExtendedNextHop,
    knowsLongLived: peerOpen.longLivedRestart?.some((one) => one.family === family) === true,
    within: peer.isExportFree === true ? "all" : facts.exportWithin[family],
    policy: peer.exportPolicy,
    isPolicyMissing: isRequired && peer.exportPolicy === undefined,
  };
}

/** RFC 7705: only other ASes are told another number than ours. */
function sessionAs({ speaker, peer, agreement }: SessionFacts): number | undefined {
  return agreement.isInternal || peer.localAs === speaker.localAs ? undefined : peer.localAs;
}

/** Our address on the session where it fits the family, else the one that the owner gave for such sessions. */
function ownNextHop(family: Family, { speaker, agreement, localAddress }: SessionFacts): IpAddress | undefined {
  const isOverIpv6 = localAddress !== undefined && addressVersion(localAddress) === 6;
  if (family === "ipv4-unicast" && !(isOverIpv6 && agreement.hasExtendedNextHop)) {
    return isOverIpv6 ? speaker.nextHop4 : (localAddress ?? speaker.nextHop4);
  }
  return isOverIpv6 ? localAddress : speaker.nextHop6;
}
