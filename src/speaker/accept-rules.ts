import type { PeerConfig, SpeakerConfig } from "../bgp/index.ts";
import { type Cidr, type IpAddress, addressToCidr, cidrContains } from "../lib/index.ts";
import { minTtlWithin } from "./session-socket.ts";

/** What the kernel must know about peers before it is known which of them connects. */
export class AcceptRules {
  /** Passwords by the addresses that they are for; the longest prefix counts. */
  readonly passwords: ReadonlyMap<Cidr, string>;
  /** Addresses for which two passwords are configured, as when two links have a neighbour of the same link-local address. */
  readonly conflicts: readonly Cidr[];
  readonly #peersByAddress: ReadonlyMap<IpAddress, readonly PeerConfig[]>;
  readonly #ranges: NonNullable<SpeakerConfig["ranges"]>;

  constructor({ peers, ranges = [] }: Pick<SpeakerConfig, "peers" | "ranges">) {
    this.#peersByAddress = Map.groupBy(peers, ({ address }) => address);
    this.#ranges = ranges;
    const wanted = [
      ...peers.map(({ address, password }) => ({ prefix: addressToCidr(address), password })),
      ...ranges.map(({ prefix, session }) => ({ prefix, password: session.password })),
    ];
    const passwords = new Map<Cidr, string>();
    const conflicts = new Set<Cidr>();
    for (const { prefix, password } of wanted) {
      if (password === undefined) continue;
      const known = passwords.get(prefix);
      // The kernel takes one for an address, on whatever link: the first, so that it does not change from time to time.
      if (known === undefined) passwords.set(prefix, password);
      else if (known !== password) conflicts.add(prefix);
    }
    this.passwords = passwords;
    this.conflicts = [...conflicts];
  }

  /** Of packets from there; of several that fit the strictest. */
  minTtl(remote: IpAddress, linkName: string | undefined): number | undefined {
    const isHere = (link: string | undefined) => link === undefined || linkName === undefined || link === linkName;
    const peers = this.#peersByAddress.get(remote)?.filter((peer) => isHere(peer.linkName)) ?? [];
    // The range counts only for those that are not named.
    const sessions =
      peers.length > 0
        ? peers
        : this.#ranges
            .filter((range) => isHere(range.linkName) && cidrContains(range.prefix, remote))
            .map(({ session }) => session);
    const hops = sessions.flatMap(({ ttlSecurityHops }) => ttlSecurityHops ?? []);
    return hops.length === 0 ? undefined : minTtlWithin(Math.min(...hops));
  }
}
