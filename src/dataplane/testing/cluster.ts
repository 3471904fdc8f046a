import { type Cidr, type IpAddress, parseAddress, parseCidr } from "../../lib/index.ts";

/** The host that tests are about. */
export const here = "host-1";

export function address(text: string): IpAddress {
  return parseAddress(text)!;
}

export function cidr(text: string): Cidr {
  return parseCidr(text, { bare: true })!;
}
