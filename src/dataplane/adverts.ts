import type { OriginatedRoute } from "../bgp/index.ts";
import type { AdvertSource } from "../calc/index.ts";
import { type Cidr, cidrContains, compareCidrs } from "../lib/index.ts";
import { metricToLocalPref, normalMetric } from "./route-protocols.ts";

/**
 * What this host tells the others: its blocks, and addresses of its workloads that lie in no block of its own, where a
 * pool says that they may be known. Nothing else of the host's routes goes out.
 */
export function computeAdverts(source: AdvertSource, workloads: readonly Cidr[]): OriginatedRoute[] {
  const isInside = (cidrs: readonly Cidr[], inner: Cidr) => cidrs.some((cidr) => cidrContains(cidr, inner));
  const blocks = source.blocks.filter((block) => !isInside(source.unexportedPools, block));
  const strays = workloads.filter(
    (address) =>
      !isInside(source.unexportedPools, address) &&
      !isInside(source.blocks, address) &&
      isInside(source.exportedPools, address),
  );
  return [...new Set([...blocks, ...strays])]
    .sort(compareCidrs)
    .map((prefix) => ({ prefix, localPref: metricToLocalPref(normalMetric) }));
}
