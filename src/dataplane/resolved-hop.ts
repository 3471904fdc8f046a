import type { IpAddress } from "../lib/index.ts";

/** Who gets the packet next, on which link. */
export type ResolvedHop = { readonly linkIndex: number; readonly gateway: IpAddress };

export function hopKey({ linkIndex, gateway }: ResolvedHop): string {
  return `${linkIndex} ${gateway}`;
}

/** Ordered, without repeats. */
export function sortHops(hops: readonly ResolvedHop[]): ResolvedHop[] {
  if (hops.length < 2) return [...hops];
  const byKey = new Map(hops.map((hop) => [hopKey(hop), hop]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, hop]) => hop);
}
