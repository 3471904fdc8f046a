import fc from "fast-check";
import type { Expression, FibFlag, Verdict } from "../expression.ts";
import { type AddressPort, addressPortSet, addressSet, interfaceMap, netSet, portSet } from "../sets.ts";
import type { Chain, ChainHook, NftSet, Rule, Table } from "../table.ts";
import { addressFromBytes, cidrFromBytes } from "../../lib/index.ts";

/** Plain objects, as ours are: deepEqual looks at prototypes. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { noNullPrototype: true });

const register = fc.constantFrom(1, 2, 9, 10, 11, 13);
const octets = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => bytes.toHex());
const someOctets = fc.integer({ min: 1, max: 16 }).chain(octets);
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,11}$/);

export const verdicts: fc.Arbitrary<Verdict> = fc.oneof(
  record({ type: fc.constantFrom("accept", "drop", "return") }),
  record({ type: fc.constantFrom("jump", "goto"), chain: name }),
);

/** Every kind of expression, with values that the kernel would refuse too. */
export const expressions: fc.Arbitrary<Expression> = fc.oneof(
  record({
    type: fc.constantFrom("meta", "setMeta"),
    key: fc.constantFrom("mark", "family", "transport", "inputName", "outputName"),
    register,
  }),
  record({
    type: fc.constant("payload"),
    base: fc.constantFrom("link", "network", "transport"),
    offset: fc.nat(255),
    length: fc.integer({ min: 1, max: 16 }),
    register,
  }),
  record({
    type: fc.constant("compare"),
    register,
    operator: fc.constantFrom("==", "!=", "<", "<=", ">", ">="),
    data: someOctets,
  }),
  record({
    type: fc.constant("bitwise"),
    source: register,
    target: register,
    mask: octets(4),
    xor: octets(4),
  }),
  record({ type: fc.constant("range"), register, from: octets(2), to: octets(2), isNot: fc.boolean() }),
  record({ type: fc.constant("lookup"), set: name, register, isNot: fc.boolean() }),
  record({ type: fc.constant("lookupVerdict"), map: name, register }),
  record({ type: fc.constant("immediate"), register, data: someOctets }),
  record({ type: fc.constant("verdict"), verdict: verdicts }),
  record({ type: fc.constantFrom("counter", "notrack") }),
  record({ type: fc.constant("connection"), key: fc.constantFrom("state", "mark", "status"), register }),
  fc.record(
    { type: fc.constant("log"), prefix: name, group: fc.nat(65535), snapLength: u32 },
    { requiredKeys: ["type", "prefix"], noNullPrototype: true },
  ),
  record({ type: fc.constant("log"), prefix: fc.constant(""), level: fc.nat(7) }),
  record({
    type: fc.constant("limit"),
    rate: fc.nat(),
    unitSeconds: fc.constantFrom(1, 60, 3600),
    burst: u32,
    per: fc.constantFrom("packets", "bytes"),
    isOver: fc.boolean(),
  }),
  record({ type: fc.constant("reject"), with: fc.constantFrom("icmp", "reset", "icmpx"), code: fc.nat(255) }),
  record({
    type: fc.constant("fib"),
    flags: fc.subarray<FibFlag>(["source", "destination", "mark", "input", "output"]),
    result: fc.constantFrom("oif", "oifname", "type"),
    isPresence: fc.boolean(),
    register,
  }),
  record({
    type: fc.constant("unknown"),
    name: fc.constantFrom("masq", "queue"),
    data: fc.constantFrom("", "0800010000000001"),
  }),
);

const comment = fc.string({ minLength: 1, maxLength: 40 }).filter((text) => !text.includes("\0"));
export const rules: fc.Arbitrary<Rule> = fc.oneof(
  record({ expressions: fc.array(expressions, { maxLength: 6 }) }),
  record({ expressions: fc.array(expressions, { maxLength: 6 }), comment }),
);

export const hooks: fc.Arbitrary<ChainHook> = record({
  type: fc.constant("filter"),
  hook: fc.constantFrom("prerouting", "input", "forward", "output"),
  priority: fc.integer({ min: -400, max: 400 }),
  policy: fc.constantFrom("accept", "drop"),
});

const smallV4 = fc.nat(7).map((low) => Uint8Array.of(10, 0, 0, low));
const smallV6 = fc.nat(7).map((low) => Uint8Array.of(0x20, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, low));
const v4Nets = fc.tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.integer({ min: 0, max: 32 }));
const ports = fc.tuple(fc.nat(65535), fc.nat(65535)).map(([a, b]) => ({ low: Math.min(a, b), high: Math.max(a, b) }));
const members: fc.Arbitrary<AddressPort[]> = fc.array(
  record({ address: smallV6.map(addressFromBytes), protocol: fc.constantFrom(6, 17), port: fc.nat(3) }),
);

/** Sets of every shape under one of two names, so that shapes change between two tables. */
const set: fc.Arbitrary<NftSet> = fc.constantFrom("s1", "s2", "s3").chain((name) =>
  fc.oneof(
    fc.array(smallV4).map((list) => addressSet(name, 4, list.map(addressFromBytes))),
    fc.array(v4Nets).map((list) =>
      netSet(
        name,
        4,
        list.map(([bytes, length]) => cidrFromBytes(bytes, length)),
      ),
    ),
    fc.array(ports, { maxLength: 5 }).map((list) => portSet(name, list)),
    members.map((list) => addressPortSet(name, 6, list)),
  ),
);

const ordinaryNames = ["c1", "c2", "c3"];
const baseNames = ["b1", "b2"];

/** Tables that hold together: rules look up sets and jump to chains that are there. */
export const tables: fc.Arbitrary<Table> = record({
  sets: fc.uniqueArray(set, { selector: ({ name }) => name }),
  ordinary: fc.subarray(ordinaryNames),
  base: fc.subarray(baseNames),
  hasMap: fc.boolean(),
}).chain(({ sets, ordinary, base, hasMap }) => {
  const target = ordinary.length === 0 ? verdicts.filter((v) => !("chain" in v)) : jumps(ordinary);
  const looked = fc.constantFrom(...sets.map(({ name }) => name), "");
  const rule: fc.Arbitrary<Rule> = fc.tuple(looked, target).map(([set, verdict]) => ({
    expressions: [
      { type: "meta", key: "mark", register: 1 },
      ...(set === "" ? [] : [{ type: "lookup", set, register: 1, isNot: false } as const]),
      { type: "verdict", verdict },
    ],
  }));
  const ofMap: Rule = { expressions: [{ type: "lookupVerdict", map: "m", register: 1 }] };
  const list = fc.array(rule, { maxLength: 3 });
  const baseList = list.map((found) => (hasMap ? [...found, ofMap] : found));
  const map = fc
    .array(fc.tuple(fc.constantFrom("tt1", "tt2", "tt3"), target))
    .map((entries) => interfaceMap("m", entries));
  return record({
    family: fc.constant("inet" as const),
    name: fc.constant("t"),
    chains: fc
      .tuple(
        fc.tuple(...ordinary.map((name) => record({ name: fc.constant(name), rules: list }))),
        fc.tuple(...base.map((name) => record({ name: fc.constant(name), hook: hooks, rules: baseList }))),
      )
      .map(([a, b]): Chain[] => [...a, ...b]),
    sets: (hasMap ? map.map((found) => [...sets, found]) : fc.constant(sets)) as fc.Arbitrary<NftSet[]>,
  });
});

function jumps(chains: readonly string[]): fc.Arbitrary<Verdict> {
  return fc.oneof(
    record({ type: fc.constantFrom("accept", "drop", "return") }),
    record({ type: fc.constantFrom("jump", "goto"), chain: fc.constantFrom(...chains) }),
  );
}
