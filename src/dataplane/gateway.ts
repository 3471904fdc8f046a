import { type IpAddress, assert, parseAddress } from "../lib/index.ts";

/** How workloads call their host: on the link, the same on every host, so that a workload can move. */
export const gatewayAddress4 = read("169.254.1.1");
export const gatewayAddress6 = read("fe80::1");

/** Of every host end of a workload's link: so a workload may keep its neighbour entry wherever it goes. */
export const gatewayMac = "ee:ee:ee:ee:ee:ee";

function read(text: string): IpAddress {
  const address = parseAddress(text);
  assert(address !== undefined, `${text} is no address`);
  return address;
}
