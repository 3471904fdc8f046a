import type { ChangeFailure } from "../kernel/index.ts";
import type { RouteChange } from "../netlink/index.ts";

/** For the log and the status: what was to be done to which object, and what the kernel says. */
export function describeFailure({ change, message }: ChangeFailure): string {
  return `${change.type} ${objectOf(change)}: ${message}`;
}

function objectOf(change: RouteChange): string {
  switch (change.type) {
    case "putRoute":
    case "deleteRoute":
      return change.route.destination;
    case "putNeighbour":
    case "deleteNeighbour":
      return `${change.neighbour.address} on link ${change.neighbour.linkIndex}`;
    case "putNextHop":
    case "deleteNextHop":
      return `${change.nextHop.id}${change.nextHop.gateway === undefined ? "" : ` (${change.nextHop.gateway})`}`;
    case "putAddress":
    case "deleteAddress":
      return `${change.address.address} on link ${change.address.linkIndex}`;
    case "createVeth":
    case "createBridge":
    case "setAlias":
      return change.name;
    case "setLink":
    case "deleteLink":
      return `link ${change.index}`;
  }
}
