import type { Cidr } from "../lib/index.ts";

/** A prefix as the name of an object: `10.65.0.0/26` becomes `10-65-0-0-26`. */
export function cidrToName(cidr: Cidr): string {
  const name = cidr.replaceAll(/[.:/]/g, "-");
  // A name begins with a letter or digit, which `::` and `::1` do not give.
  return name.startsWith("-") ? `0${name}` : name;
}
