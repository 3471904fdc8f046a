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
import {
  type AddressPort,
  LivingNets,
  LivingSet,
  type NftSet,
  addressElement,
  addressPortElement,
  addressPortShape,
  addressShape,
} from "../nft/index.ts";

/** The name of the nft set that holds one IP version of a set. */
export function memberSetName(id: string, version: IpVersion): string {
  // The id is `s:` or `n:` and a hash; nft reads no colon in a name.
  return `${id.replace(":", `${version}-`)}`;
}

/** The members of the sets that rules look at, as nft sets: two for each, as an nft set has one IP version. */
export class MemberSets {
  readonly #sets = new Map<string, Members>();
  readonly #placeBySet = new Map<Members, number>();
  readonly #changed = new Set<Members>();
  #list: NftSet[] | undefined;

  get size(): number {
    return this.#sets.size;
  }

  update(id: string, members: SetMembers): void {
    const set = new Members(id, members.type);
    set.change(members, undefined);
    this.#sets.set(id, set);
    this.#list = undefined;
  }

  change(id: string, added: SetMembers, removed: SetMembers): void {
    const set = this.#sets.get(id);
    assert(set !== undefined, `the set ${id} changes before it is there`);
    set.change(added, removed);
    this.#changed.add(set);
  }

  remove(id: string): void {
    this.#sets.delete(id);
    this.#list = undefined;
  }

  has(id: string): boolean {
    return this.#sets.has(id);
  }

  /** A set that has not changed is the same object as before, and so is the list when none has. */
  nftSets(): readonly NftSet[] {
    if (this.#list === undefined) {
      this.#list = [];
      this.#placeBySet.clear();
      for (const set of this.#sets.values()) {
        this.#placeBySet.set(set, this.#list.length);
        this.#list.push(set.nftSet(4), set.nftSet(6));
      }
    } else if (this.#changed.size > 0) {
      this.#list = this.#list.slice();
      for (const set of this.#changed) {
        const place = this.#placeBySet.get(set);
        if (place !== undefined) this.#list.splice(place, 2, set.nftSet(4), set.nftSet(6));
      }
    }
    this.#changed.clear();
    return this.#list;
  }
}

/** Of one set; of one of the two sorts. */
class Members {
  readonly #type: SetMembers["type"];
  readonly #byVersion: Readonly<Record<IpVersion, VersionMembers>>;

  constructor(id: string, type: SetMembers["type"]) {
    this.#type = type;
    this.#byVersion = { 4: new VersionMembers(id, 4, type), 6: new VersionMembers(id, 6, type) };
  }

  change(added: SetMembers, removed: SetMembers | undefined): void {
    assert(added.type === this.#type, "a set changes its sort");
    if (removed?.type === "nets") for (const net of removed.nets) this.#byVersion[cidrVersion(net)].deleteNet(net);
    if (removed?.type === "ports") for (const port of removed.ports) this.#ofPort(port).deletePort(port);
    if (added.type === "nets") for (const net of added.nets) this.#byVersion[cidrVersion(net)].putNet(net);
    if (added.type === "ports") for (const port of added.ports) this.#ofPort(port).putPort(port);
  }

  nftSet(version: IpVersion): NftSet {
    return this.#byVersion[version].nftSet();
  }

  #ofPort({ address }: AddressPort): VersionMembers {
    return this.#byVersion[addressVersion(address)];
  }
}

/**
 * Of one IP version. Single addresses are found by hash; whole prefixes need the slower search among intervals, in which then
 * the single addresses are too.
 */
class VersionMembers {
  readonly #name: string;
  readonly #version: IpVersion;
  readonly #nets = new Set<Cidr>();
  /** Of the nets those that are more than an address. */
  #prefixCount = 0;
  #hashed: LivingSet;
  /** All nets, while there are prefixes among them. */
  #intervals: LivingNets | undefined;

  constructor(id: string, version: IpVersion, type: SetMembers["type"]) {
    this.#name = memberSetName(id, version);
    this.#version = version;
    const shapeFor = type === "ports" ? addressPortShape : addressShape;
    this.#hashed = new LivingSet(shapeFor(this.#name, version));
  }

  putPort(port: AddressPort): void {
    this.#hashed.put(addressPortElement(port));
  }

  deletePort(port: AddressPort): void {
    this.#hashed.delete(addressPortElement(port).key);
  }

  putNet(net: Cidr): void {
    if (this.#nets.has(net)) return;
    this.#nets.add(net);
    this.#intervals?.put(net);
    if (isHostCidr(net)) this.#hashed.put(addressElement(cidrAddress(net)));
    else this.#prefixCount++;
  }

  deleteNet(net: Cidr): void {
    if (!this.#nets.delete(net)) return;
    this.#intervals?.delete(net);
    if (isHostCidr(net)) this.#hashed.delete(addressElement(cidrAddress(net)).key);
    else this.#prefixCount--;
  }

  nftSet(): NftSet {
    if (this.#prefixCount === 0) {
      this.#intervals = undefined;
      return this.#hashed.version();
    }
    this.#intervals ??= this.#makeIntervals();
    return this.#intervals.version();
  }

  #makeIntervals(): LivingNets {
    const intervals = new LivingNets(this.#name, this.#version);
    for (const net of this.#nets) intervals.put(net);
    return intervals;
  }
}
