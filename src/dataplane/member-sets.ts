import type { SetMembers } from "../calc/index.ts";
import {
  type Cidr,
  type IpVersion,
  addressVersion,
  assert,
  cidrAddress,
  cidrVersion,
  isHostCidr,
} from "../lib/index.ts";
import { type AddressPort, type NftSet, addressPortSet, addressSet, netSet } from "../nft/index.ts";

/** The name of the nft set that holds one IP version of a set. */
export function memberSetName(id: string, version: IpVersion): string {
  // The id is `s:` or `n:` and a hash; nft reads no colon in a name.
  return `${id.replace(":", `${version}-`)}`;
}

/** The members of the sets that rules look at, as nft sets: two for each, as an nft set has one IP version. */
export class MemberSets {
  readonly #sets = new Map<string, Members>();

  update(id: string, members: SetMembers): void {
    const set = new Members(id);
    set.change(members, undefined);
    this.#sets.set(id, set);
  }

  change(id: string, added: SetMembers, removed: SetMembers): void {
    const set = this.#sets.get(id);
    assert(set !== undefined, `the set ${id} changes before it is there`);
    set.change(added, removed);
  }

  remove(id: string): void {
    this.#sets.delete(id);
  }

  has(id: string): boolean {
    return this.#sets.has(id);
  }

  /** A set that has not changed is the same object as before. */
  nftSets(): NftSet[] {
    return [...this.#sets.values()].flatMap((set) => [set.nftSet(4), set.nftSet(6)]);
  }
}

/** Of one set; of one of the two sorts. */
class Members {
  readonly #id: string;
  #type: SetMembers["type"] = "nets";
  readonly #nets: Readonly<Record<IpVersion, Set<Cidr>>> = { 4: new Set(), 6: new Set() };
  readonly #ports: Readonly<Record<IpVersion, Map<string, AddressPort>>> = { 4: new Map(), 6: new Map() };
  readonly #built = new Map<IpVersion, NftSet>();

  constructor(id: string) {
    this.#id = id;
  }

  change(added: SetMembers, removed: SetMembers | undefined): void {
    this.#type = added.type;
    if (removed?.type === "nets") {
      for (const net of removed.nets) this.#touch(cidrVersion(net), (nets) => nets.delete(net));
    }
    if (removed?.type === "ports") {
      for (const port of removed.ports) this.#touchPorts(port, (ports, key) => ports.delete(key));
    }
    if (added.type === "nets") for (const net of added.nets) this.#touch(cidrVersion(net), (nets) => nets.add(net));
    if (added.type === "ports") {
      for (const port of added.ports) this.#touchPorts(port, (ports, key) => ports.set(key, port));
    }
  }

  nftSet(version: IpVersion): NftSet {
    const built = this.#built.get(version) ?? this.#build(version);
    this.#built.set(version, built);
    return built;
  }

  #build(version: IpVersion): NftSet {
    const name = memberSetName(this.#id, version);
    if (this.#type === "ports") return addressPortSet(name, version, this.#ports[version].values());
    const nets = [...this.#nets[version]];
    // Single addresses are found by hash; whole prefixes need the slower search among intervals.
    return nets.every(isHostCidr) ? addressSet(name, version, nets.map(cidrAddress)) : netSet(name, version, nets);
  }

  #touch(version: IpVersion, change: (nets: Set<Cidr>) => void): void {
    change(this.#nets[version]);
    this.#built.delete(version);
  }

  #touchPorts(member: AddressPort, change: (ports: Map<string, AddressPort>, key: string) => void): void {
    const version = addressVersion(member.address);
    change(this.#ports[version], `${member.address} ${member.protocol} ${member.port}`);
    this.#built.delete(version);
  }
}
