import { Dice } from "../bgp-fuzz/dice.ts";
import { Draft } from "../bgp-fuzz/draft.ts";
import { type Dialect, MessageSource, type PrefixPool, contextOf } from "../bgp-fuzz/message-source.ts";
import { Mutator } from "../bgp-fuzz/mutation.ts";
import { attributes as attr, ip6, octets, prefix, u32, update } from "../bgp-fuzz/wire.ts";
import { type Routes, type Verdict, judge } from "./facts.ts";

/** One message with all that is needed to send it to a speaker of our choice in a session of its own. */
export type Case = {
  readonly number: number;
  readonly dialect: Dialect;
  readonly isBent: boolean;
  readonly message: Uint8Array;
  /** Sent before: announces every prefix of the pool. */
  readonly before: readonly Uint8Array[];
  /** Sent behind: announces `mark`, so that it can be seen that the session lived on. */
  readonly after: Uint8Array;
  readonly mark: string;
  readonly verdict: Verdict;
  /** The routes as they were before the message. */
  readonly told: Routes;
  /** The routes that the peer must be believed to have told, when the session lives on. */
  readonly expected: Routes;
};

const peerAs = 65001;

/** Cases are numbered; a number and a seed make always the same. */
export function makeCase(seed: number, number: number): Case {
  const dice = new Dice(seed * 1_000_003 + number);
  const dialect = chooseDialect(dice);
  const pool = poolOf(number);
  const draft = new Draft();
  new MessageSource(dice, pool).update(draft, dialect);
  const mutator = new Mutator(dice, new Draft());
  const isBent = dice.chance(0.4);
  if (isBent) {
    mutator.mutate(draft);
    // The message itself is meant, not what a lying header makes of the octets behind it.
    draft.length = Math.max(23, Math.min(draft.length, 4096));
    draft.bytes.fill(0xff, 0, 16);
    draft.bytes[18] = 2;
    draft.finish();
  }
  return caseOf({ number, dialect, isBent, message: draft.take() });
}

/** The case of a message; its number decides about the prefixes that are told before. */
export function caseOf(chosen: Pick<Case, "number" | "dialect" | "isBent" | "message">): Case {
  const { number, dialect, message } = chosen;
  const context = contextOf(dialect);
  const before = announcePool(poolOf(number), dialect);
  const markOctets = Uint8Array.of(32, 21, number >> 16, number >> 8, number);
  const verdict = judge(message, context);
  const told = new Map(before.flatMap((bytes) => [...judge(bytes, context).announced]));
  const expected = new Map(told);
  for (const key of verdict.withdrawn) expected.delete(key);
  for (const [key, facts] of verdict.announced) expected.set(key, facts);
  return {
    ...chosen,
    before,
    after: plainUpdate([markOctets], dialect),
    mark: `21.${number >> 16}.${(number >> 8) & 255}.${number & 255}/32`,
    verdict,
    told,
    expected,
  };
}

function chooseDialect(dice: Dice): Dialect {
  const isInternal = dice.chance(0.5);
  const hasPaths = dice.chance(0.15);
  return {
    isInternal,
    isFourOctetAs: dice.chance(0.8),
    peerAs: isInternal ? 64512 : peerAs,
    hasIpv4: true,
    hasIpv6: true,
    addPath4: hasPaths,
    addPath6: hasPaths,
    hasExtendedNextHop: dice.chance(0.3),
    hasExtendedMessages: false,
  };
}

/** Prefixes that no other case has. */
function poolOf(number: number): PrefixPool {
  const [high, low] = [(number >> 8) & 255, number & 255];
  const six = `2a00:${number.toString(16)}`;
  return {
    four: ["0/25", "128/26", "192/30", "200/32"].map((end) => prefix(`20.${high}.${low}.${end}`)),
    six: ["::/48", ":1::/64", ":2::/127", ":3::1/128"].map((end) => prefix(`${six}${end}`)),
  };
}

function announcePool({ four, six }: PrefixPool, dialect: Dialect): Uint8Array[] {
  const withIds = (list: readonly Uint8Array[], has: boolean) => list.map((one) => (has ? octets(u32(0), one) : one));
  const nlri = withIds(six, dialect.addPath6);
  const reach = attr.mpReach(2, 1, ip6("2001:db8::1"), nlri);
  const shared = sharedAttributes(dialect);
  return [plainUpdate(four, dialect), update({ attributes: [reach, ...shared] })];
}

function plainUpdate(prefixes: readonly Uint8Array[], dialect: Dialect): Uint8Array {
  const nlri = prefixes.map((one) => (dialect.addPath4 ? octets(u32(0), one) : one));
  return update({
    attributes: [...sharedAttributes(dialect), attr.nextHop("192.0.2.1")],
    nlri,
  });
}

function sharedAttributes({ isInternal, isFourOctetAs }: Dialect): Uint8Array[] {
  const path = isInternal ? [] : ([["sequence", peerAs]] as const);
  return [
    attr.origin(0),
    isFourOctetAs ? attr.asPath(...path) : attr.narrowAsPath(...path),
    ...(isInternal ? [attr.localPref(100)] : []),
  ];
}
