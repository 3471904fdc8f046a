import { createHash } from "node:crypto";
import type { ActiveEntity, ActiveIcmp, ActiveRule, PortMatches, PortRange } from "../calc/index.ts";
import { type Cidr, type IpVersion, cidrLength, cidrVersion } from "../lib/index.ts";
import {
  type Direction,
  type Expression,
  type NftSet,
  address,
  addressIn,
  addressPortIn,
  family,
  icmp,
  netSet,
  port,
  portIn,
  portSet,
  protocol,
} from "../nft/index.ts";
import { hasPorts } from "../resources/index.ts";
import { memberSetName } from "./member-sets.ts";

/** Tests that all must hold, in this order. */
type Tests = readonly (readonly Expression[])[];

/** Tests of which one must hold; no packet passes two of them, so that nothing is logged or counted twice. */
type Alternatives = readonly Tests[];

export type RenderedMatch = {
  /** Each is a rule of its own. None: the rule matches nothing. */
  readonly alternatives: Alternatives;
  /** Sets that the tests look into and that never change, beside those of calc. */
  readonly sets: readonly NftSet[];
};

const icmpProtocol: Readonly<Record<IpVersion, number>> = { 4: 1, 6: 58 };

/** More prefixes than this to stay out of, and a set does it. Of prefixes to be in, one alone needs no set. */
const maxInlineNotNets = 3;

/** The tests that a rule places on a packet, for both IP versions. */
export function renderMatch(rule: ActiveRule): RenderedMatch {
  const renderer = new MatchRenderer(rule);
  const alternatives = isSameForBoth(rule)
    ? renderer.render(undefined)
    : ([4, 6] as const).flatMap((version) => renderer.render(version));
  return { alternatives, sets: [...renderer.sets.values()] };
}

/** A rule that looks at nothing that differs between the versions is written once. */
function isSameForBoth({ ipVersion, icmp, notIcmp, source, destination }: ActiveRule): boolean {
  return (
    ipVersion === undefined &&
    icmp === undefined &&
    notIcmp === undefined &&
    [source, destination].every(
      ({ nets, notNets, inSet, notInSet, ports, notPorts }) =>
        (nets ?? notNets ?? inSet ?? notInSet) === undefined &&
        (ports?.inSets.length ?? 0) === 0 &&
        (notPorts?.inSets.length ?? 0) === 0,
    )
  );
}

class MatchRenderer {
  readonly sets = new Map<string, NftSet>();
  readonly #rule: ActiveRule;

  constructor(rule: ActiveRule) {
    this.#rule = rule;
  }

  /** The tests for packets of a version; for undefined those that serve both. None: no such packet can match. */
  render(version: IpVersion | undefined): Alternatives {
    const rule = this.#rule;
    if (rule.ipVersion !== undefined && rule.ipVersion !== version) return [];
    const ends = [
      ["source", rule.source],
      ["destination", rule.destination],
    ] as const;
    const nets = ends.map(([direction, entity]) => this.#nets(direction, entity, version));
    if (nets.includes(undefined)) return [];
    return combine([
      [version === undefined ? [] : [family(version)]],
      [this.#protocol()],
      ...(version === undefined ? [] : [this.#icmp(version), this.#notIcmp(version)]),
      [nets.flatMap((tests) => tests ?? [])],
      ...ends.map(([direction, { notPorts }]) => [this.#notPorts(direction, notPorts, version)]),
      ...ends.map(([direction, entity]) => this.#ports(direction, entity, version)),
    ]);
  }

  #protocol(): Tests {
    const { protocol: wanted, notProtocol } = this.#rule;
    const tests: Expression[][] = [];
    if (wanted !== undefined) tests.push(protocol(wanted));
    if (notProtocol !== undefined) tests.push(protocol(notProtocol, { not: true }));
    return tests;
  }

  #icmp(version: IpVersion): Alternatives {
    const { icmp: wanted, protocol: number } = this.#rule;
    if (wanted === undefined) return [[]];
    // ICMP's types are not ICMPv6's: the protocol of a rule goes with one version.
    if (number !== undefined && number !== icmpProtocol[version]) return [];
    return [[matchIcmp(version, wanted, false)]];
  }

  /** Not such a message: another protocol, or ICMP with another type or code. */
  #notIcmp(version: IpVersion): Alternatives {
    const { notIcmp: unwanted, protocol: number } = this.#rule;
    if (unwanted === undefined || (number !== undefined && number !== icmpProtocol[version])) return [[]];
    const otherProtocol = [[protocol(icmpProtocol[version], { not: true })]];
    if (unwanted.type === undefined) return otherProtocol;
    return [...(number === undefined ? otherProtocol : []), [matchIcmp(version, unwanted, true)]];
  }

  /** Undefined: no address of this version can be meant, and the rule is passed over. */
  #nets(direction: Direction, entity: ActiveEntity, version: IpVersion | undefined): Tests | undefined {
    if (version === undefined) return [];
    const tests: Expression[][] = [];
    if (entity.nets !== undefined) {
      const nets = entity.nets.filter((net) => cidrVersion(net) === version);
      const [first, ...others] = nets;
      if (first === undefined) return undefined;
      tests.push(
        others.length === 0
          ? address(direction, first)
          : addressIn(direction, version, this.#constantNets(version, nets)),
      );
    }
    if (entity.notNets !== undefined) {
      const nets = entity.notNets.filter((net) => cidrVersion(net) === version);
      if (nets.length === 0 || nets.some((net) => cidrLength(net) === 0)) return undefined;
      if (nets.length > maxInlineNotNets) {
        tests.push(addressIn(direction, version, this.#constantNets(version, nets), { not: true }));
      } else {
        tests.push(...nets.map((net) => address(direction, net, { not: true })));
      }
    }
    if (entity.notInSet !== undefined) {
      tests.push(addressIn(direction, version, memberSetName(entity.notInSet, version), { not: true }));
    }
    if (entity.inSet !== undefined) {
      tests.push(addressIn(direction, version, memberSetName(entity.inSet, version)));
    }
    return tests;
  }

  #notPorts(direction: Direction, matches: PortMatches | undefined, version: IpVersion | undefined): Tests {
    if (matches === undefined) return [];
    const named = version === undefined ? [] : matches.inSets;
    return [
      ...this.#ranges(direction, matches.ranges, true),
      ...named.map((id) => matchNamedPort(direction, version, id, true)),
    ];
  }

  #ports(direction: Direction, { ports }: ActiveEntity, version: IpVersion | undefined): Alternatives {
    if (ports === undefined) return [[]];
    const { ranges, inSets } = ports;
    const hasRanges = ranges.length > 0 && this.#canHavePorts();
    const alternatives: Tests[] = hasRanges ? [this.#ranges(direction, ranges, false)] : [];
    const earlier: Expression[][] = hasRanges ? this.#ranges(direction, ranges, true) : [];
    for (const id of version === undefined ? [] : inSets) {
      alternatives.push([...earlier, matchNamedPort(direction, version, id, false)]);
      earlier.push(matchNamedPort(direction, version, id, true));
    }
    return alternatives;
  }

  /** Without a protocol that has ports no packet is in a range (decoding refuses such rules anyway). */
  #ranges(direction: Direction, ranges: readonly PortRange[], not: boolean): Expression[][] {
    const [first, second] = ranges;
    if (first === undefined || !this.#canHavePorts()) return [];
    if (second === undefined) return [port(direction, first.first, first.last, { not })];
    return [portIn(direction, this.#constantPorts(ranges), { not })];
  }

  #canHavePorts(): boolean {
    return this.#rule.protocol !== undefined && hasPorts(this.#rule.protocol);
  }

  #constantNets(version: IpVersion, nets: readonly Cidr[]): string {
    const name = `nets${version}-${hash(nets.toSorted().join(" "))}`;
    this.sets.set(name, netSet(name, version, nets));
    return name;
  }

  #constantPorts(ranges: readonly PortRange[]): string {
    const texts = ranges.map(({ first, last }) => `${first}:${last}`).toSorted();
    const name = `ports-${hash(texts.join(" "))}`;
    this.sets.set(
      name,
      portSet(
        name,
        ranges.map(({ first, last }) => ({ low: first, high: last })),
      ),
    );
    return name;
  }
}

/** Every way to take one of each. */
function combine(groups: readonly Alternatives[]): Alternatives {
  return groups.reduce<Alternatives>(
    (sofar, group) => sofar.flatMap((tests) => group.map((more) => [...tests, ...more])),
    [[]],
  );
}

function matchIcmp(version: IpVersion, { type, code }: ActiveIcmp, not: boolean): Expression[] {
  if (type === undefined) return protocol(icmpProtocol[version]);
  return icmp(version, code === undefined ? { type } : { type, code }, { not });
}

function matchNamedPort(direction: Direction, version: IpVersion | undefined, id: string, not: boolean): Expression[] {
  return version === undefined ? [] : addressPortIn(direction, version, memberSetName(id, version), { not });
}

/** 96 bits: enough that no two constant sets of a host meet. */
function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 24);
}
