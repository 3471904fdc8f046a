import { type Cidr, isHostCidr } from "../lib/index.ts";
import type { Route } from "../netlink/index.ts";
import { mainTable, normalMetric, routeProtocols } from "./route-protocols.ts";

/**
 * Traffic to addresses of own blocks that no workload has ends here, instead of going out by the default route and
 * coming back. A block of a single address needs none: its address has a workload or is free.
 */
export function blackholeRoutes(blocks: readonly Cidr[]): Route[] {
  return blocks
    .filter((block) => !isHostCidr(block))
    .map((destination) => ({
      destination,
      table: mainTable,
      protocol: routeProtocols.local,
      metric: normalMetric,
      type: "blackhole",
      scope: "universe",
    }));
}
