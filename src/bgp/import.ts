import { type IpAddress, addressToBytes, addressVersion } from "../lib/index.ts";
import { pathHas } from "./as-path.ts";
import type { AttributeSet } from "./attributes.ts";
import type { Family } from "./config.ts";
import { versionOf } from "./numbers.ts";

export type ImportPolicy = {
  readonly localAs: number;
  readonly routerId: IpAddress;
  readonly peerAs: number;
  readonly isInternal: boolean;
  /** Our addresses on this session. */
  readonly ownAddresses: readonly IpAddress[];
};

/** Why a route is as good as withdrawn though its UPDATE was in order; undefined when it may be used. */
export function refuseRoute(set: AttributeSet, family: Family, policy: ImportPolicy): string | undefined {
  const { asPath, originatorId, clusterList, nextHop } = set.attributes;
  // RFC 4271 section 9.1.2 and RFC 4456 section 8: it has been here before.
  if (pathHas(asPath, policy.localAs)) return "own AS number in the AS path";
  if (originatorId === policy.routerId) return "own identifier as ORIGINATOR_ID";
  if (clusterList.includes(policy.routerId)) return "own cluster in the CLUSTER_LIST";
  // RFC 4271 section 6.3.
  if (!policy.isInternal && set.neighbourAs !== policy.peerAs) return "the AS path does not begin with the peer's AS";
  if (nextHop === undefined || !isUsableNextHop(nextHop, family)) return "the next hop is no unicast address";
  if (policy.ownAddresses.includes(nextHop)) return "the next hop is our own address";
  return undefined;
}

function isUsableNextHop(nextHop: IpAddress, family: Family): boolean {
  if (addressVersion(nextHop) !== versionOf(family)) return false;
  const octets = addressToBytes(nextHop);
  const first = octets[0] ?? 0;
  if (octets.length === 4) return first !== 0 && first < 224;
  return first !== 0xff && octets.some((octet) => octet !== 0);
}
