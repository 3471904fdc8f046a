import type { LocalHostEndpoint } from "../calc/index.ts";
import type { Link, LinkAddress } from "../netlink/index.ts";
import { compareTexts } from "../selector/index.ts";
import type { HostInterfaces } from "./host-chains.ts";
import { isWorkloadLink } from "./ownership.ts";

/** What the host exchanges with itself is nobody's business, whatever addresses it has there. */
const loopback = "lo";

/** Stands for every interface without a host endpoint of its own. */
const everyInterface = "*";

/**
 * Which host endpoint has which interface: one that names it, else one that expects an address it has; of several the first by
 * id. An interface that is named need not be there yet: its rules wait for it.
 */
export function chooseHostInterfaces(
  endpoints: Iterable<LocalHostEndpoint>,
  links: readonly Link[],
  addresses: readonly LinkAddress[],
): HostInterfaces {
  const sorted = [...endpoints].sort((a, b) => compareTexts(a.id, b.id));
  const named = new Map<string, LocalHostEndpoint>();
  for (const endpoint of sorted) {
    const { interfaceName } = endpoint;
    if (interfaceName === undefined || interfaceName === everyInterface || interfaceName === loopback) continue;
    if (named.has(interfaceName)) continue;
    named.set(interfaceName, endpoint);
  }
  const others = links.filter((link) => link.name !== loopback && !isWorkloadLink(link));
  const nameByIndex = new Map(others.map(({ index, name }) => [index, name]));
  for (const endpoint of sorted) {
    if (endpoint.interfaceName !== undefined) continue;
    for (const { linkIndex, address } of addresses) {
      const name = nameByIndex.get(linkIndex);
      if (name !== undefined && endpoint.addresses.includes(address) && !named.has(name)) named.set(name, endpoint);
    }
  }
  return { named, rest: sorted.find(({ interfaceName }) => interfaceName === everyInterface) };
}
