import type { IpVersion } from "../lib/index.ts";

const AF_INET = 2;
const AF_INET6 = 10;

export function familyOf(version: IpVersion): number {
  return version === 4 ? AF_INET : AF_INET6;
}

export function versionOf(family: number): IpVersion | undefined {
  if (family === AF_INET) return 4;
  return family === AF_INET6 ? 6 : undefined;
}

/** Octets of an address of that version. */
export function addressSize(version: IpVersion): 4 | 16 {
  return version === 4 ? 4 : 16;
}
