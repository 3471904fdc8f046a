import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressFromBytes } from "../lib/index.ts";
import { type AsPath, asPathLength, mergeAs4Path, neighbourAs, prependAs, writeAsPath } from "./as-path.ts";
import { scanAttributes } from "./attribute-scan.ts";
import { AttributeTable } from "./attribute-table.ts";
import { type PathAttributes, addressOctets, emptyAttributes, writeAttributes } from "./attributes.ts";
import { OctetWriter } from "./octets.ts";
import { emptyPath, internal, nextHop, origin, plain, read, readUpdateOf, update } from "./testing/messages.ts";
import { toHex } from "./testing/octets.ts";
import { address } from "./testing/values.ts";
import type { UpdateContext } from "./update.ts";

/** With the prototype of what they are compared with. */
const plainObjects = { noNullPrototype: true } as const;
const narrow: UpdateContext = { ...internal, isFourOctetAs: false };

/** What an IPv4 route with these attributes in hexadecimal is told with. */
function attributesOf(text: string, context = internal): PathAttributes {
  const message = readUpdateOf(update("", text, "08 0a"), context);
  return message.announced[0]?.set.attributes ?? assert.fail(message.complaint);
}

/** Types and flags in the order in which they are written. */
function typesOf(bytes: Uint8Array): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [flags = 0, type = 0, length = 0, low = 0] = bytes.subarray(at, at + 4);
    found.push(`${flags.toString(16)}/${type}`);
    at += (flags & 0x10) === 0 ? 3 + length : 4 + length * 256 + low;
  }
  return found;
}

const asNumber = fc.integer({ min: 1, max: 0xffffffff });
const u32 = fc.nat(0xffffffff);
const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(addressFromBytes);
const segment = fc.record(
  {
    type: fc.constantFrom("sequence" as const, "set" as const),
    asNumbers: fc.array(asNumber, { minLength: 1, maxLength: 5 }),
  },
  plainObjects,
);
const attributesArbitrary: fc.Arbitrary<PathAttributes> = fc.record(
  {
    origin: fc.nat(2),
    asPath: fc.array(segment, { maxLength: 3 }),
    med: u32,
    localPref: u32,
    isAtomicAggregate: fc.boolean(),
    aggregator: fc.record({ asNumber, address: ipv4 }, plainObjects),
    communities: fc.array(u32, { maxLength: 80 }),
    extendedCommunities: fc.array(fc.bigInt(0n, 2n ** 64n - 1n), { maxLength: 3 }),
    largeCommunities: fc.uniqueArray(fc.tuple(u32, u32, u32), { maxLength: 3, selector: (parts) => parts.join(":") }),
    originatorId: ipv4,
    clusterList: fc.array(ipv4, { maxLength: 3 }),
    unknown: fc.array(
      fc.record(
        {
          type: fc.constantFrom(20, 24, 29, 31, 33, 128, 255),
          flags: fc.constant(0xe0),
          value: fc.uint8Array({ maxLength: 300 }),
        },
        plainObjects,
      ),
      { maxLength: 1 },
    ),
    partial: fc.constantFrom([8], [7, 32]),
  },
  {
    ...plainObjects,
    requiredKeys: [
      "origin",
      "asPath",
      "isAtomicAggregate",
      "communities",
      "extendedCommunities",
      "largeCommunities",
      "clusterList",
      "unknown",
    ],
  },
);

test("attributes survive the way to octets and back, with wide and narrow AS numbers", () => {
  fc.assert(
    fc.property(attributesArbitrary, fc.boolean(), (attributes, isFourOctetAs) => {
      const { partial, ...rest } = attributes;
      const there = partial?.filter((type) =>
        type === 7 ? rest.aggregator !== undefined : (type === 8 ? rest.communities : rest.largeCommunities).length > 0,
      );
      const told: PathAttributes = {
        ...rest,
        ...(there === undefined || there.length === 0 ? {} : { partial: there }),
        nextHop: address("192.0.2.1"),
      };
      const bytes = toHex(writeAttributes(told, isFourOctetAs));
      assert.deepEqual(attributesOf(bytes, { ...internal, isFourOctetAs }), told);
    }),
  );
});

test("attributes are written in the order of their types, lengths as short as may be", () => {
  const all: PathAttributes = {
    ...emptyAttributes,
    origin: 2,
    asPath: [{ type: "sequence", asNumbers: [70_000] }],
    nextHop: address("192.0.2.1"),
    med: 1,
    localPref: 2,
    isAtomicAggregate: true,
    aggregator: { asNumber: 70_000, address: address("192.0.2.1") },
    communities: Array.from({ length: 64 }, (_, i) => i),
    originatorId: address("192.0.2.2"),
    clusterList: [address("192.0.2.3")],
    extendedCommunities: [1n],
    largeCommunities: [[1, 2, 3]],
    unknown: [
      { type: 200, flags: 0xc0, value: new Uint8Array(1) },
      { type: 20, flags: 0xd0, value: new Uint8Array(1) },
    ],
  };
  const common = ["40/1", "40/2", "40/3", "80/4", "40/5", "40/6", "c0/7", "d0/8", "80/9", "80/10", "c0/16"];
  assert.deepEqual(typesOf(writeAttributes(all, true)), [...common, "e0/20", "c0/32", "e0/200"]);
  assert.deepEqual(typesOf(writeAttributes(all, false)), [...common, "c0/17", "c0/18", "e0/20", "c0/32", "e0/200"]);
  // An IPv6 next hop travels elsewhere.
  const six = writeAttributes({ ...emptyAttributes, nextHop: address("2001:db8::1") }, true);
  assert.deepEqual(typesOf(six), ["40/1", "40/2"]);
});

test("unknown transitive attributes go on with the Partial bit, those that are not transitive do not go on", () => {
  const { unknown } = attributesOf(`${plain} c0 63 02 0102 80 64 01 00 e0 65 00`);
  assert.deepEqual(
    unknown.map(({ type, flags }) => [type, flags]),
    [
      [99, 0xc0],
      [101, 0xe0],
    ],
  );
  const written = writeAttributes({ ...emptyAttributes, unknown }, true);
  assert.deepEqual(typesOf(written), ["40/1", "40/2", "e0/99", "e0/101"]);
});

test("a Partial bit on an attribute that we know stays (RFC 4271 section 5)", () => {
  const attributes = attributesOf(`${plain} e0 08 04 00000001 c0 20 0c 000000010000000200000003`);
  assert.deepEqual(typesOf(writeAttributes(attributes, true)), ["40/1", "40/2", "40/3", "e0/8", "c0/32"]);
});

test("large communities that come twice are taken once (RFC 8092 section 5)", () => {
  const [one, other] = ["000000010000000200000003", "000000010000000200000004"];
  const { largeCommunities } = attributesOf(`${plain} c0 20 24 ${one} ${other} ${one}`);
  assert.deepEqual(largeCommunities, [
    [1, 2, 3],
    [1, 2, 4],
  ]);
});

test("of a repeated attribute the first counts", () => {
  assert.equal(attributesOf(`${plain} 80 04 04 00000001 80 04 04 00000002`).med, 1);
});

const s = (...asNumbers: number[]): AsPath[number] => ({ type: "sequence", asNumbers });
const set = (...asNumbers: number[]): AsPath[number] => ({ type: "set", asNumbers });
const confed = (...asNumbers: number[]): AsPath[number] => ({ type: "confedSequence", asNumbers });

test("AS4_PATH tells the front of AS_PATH what it lacks (RFC 6793 section 4.2.3)", () => {
  const cases: [name: string, path: AsPath, as4Path: AsPath, wanted: AsPath][] = [
    ["equal", [s(1, 23456)], [s(1, 70000)], [s(1, 70000)]],
    ["one more in front", [s(5, 1, 23456)], [s(1, 70000)], [s(5, 1, 70000)]],
    ["longer than the path", [s(23456)], [s(1, 70000)], [s(23456)]],
    ["empty", [s(5, 6)], [], [s(5, 6)]],
    ["a set counts one", [set(7, 8), s(23456)], [s(70000)], [set(7, 8), s(70000)]],
    ["a set in the other", [s(5, 23456)], [set(70000, 70001)], [s(5), set(70000, 70001)]],
    ["a confederation in front", [confed(9), s(1, 23456)], [s(1, 70000)], [confed(9), s(1, 70000)]],
    ["a confederation behind what is taken", [s(5), confed(9), s(23456)], [s(70000)], [s(5), confed(9), s(70000)]],
    ["a confederation behind what is replaced", [s(5, 23456), confed(9)], [s(70000)], [s(5, 70000)]],
    ["several segments", [s(1), s(2), s(23456)], [s(70000)], [s(1), s(2, 70000)]],
  ];
  for (const [name, path, as4Path, wanted] of cases) assert.deepEqual(mergeAs4Path(path, as4Path), wanted, name);
  const long = s(...Array.from({ length: 200 }, (_, i) => i + 1));
  assert.deepEqual(mergeAs4Path([long, long], [long]), [long, long]);
});

test("AS4 attributes of a peer with narrow AS numbers are merged in, or not believed", () => {
  const path = "40 02 06 02 02 0001 5ba0";
  const as4Path = "c0 11 0a 02 02 00000001 00011170";
  const aggregator = (as: string) => `c0 07 06 ${as} c0000201`;
  const as4Aggregator = "c0 12 08 00011170 c0000202";
  const told = (more: string) => attributesOf(`${origin} ${path} ${nextHop} ${more}`, narrow);
  assert.deepEqual(told(as4Path).asPath, [s(1, 70000)]);
  const both = told(`${aggregator("5ba0")} ${as4Path} ${as4Aggregator}`);
  assert.deepEqual(both.aggregator, { asNumber: 70000, address: "192.0.2.2" });
  assert.deepEqual(both.asPath, [s(1, 70000)]);
  // Another speaker aggregated since.
  const newer = told(`${aggregator("0007")} ${as4Path} ${as4Aggregator}`);
  assert.deepEqual(newer.aggregator, { asNumber: 7, address: "192.0.2.1" });
  assert.deepEqual(newer.asPath, [s(1, 23456)]);
  assert.deepEqual(told(`${aggregator("0007")} ${as4Path}`).asPath, [s(1, 70000)]);
  assert.equal(told(as4Aggregator).aggregator, undefined);
  // Segments of confederations have no place in AS4_PATH.
  assert.deepEqual(told("c0 11 0c 03 01 00000009 02 01 00011170").asPath, [s(1, 70000)]);
});

test("a narrow peer is told AS_TRANS, and the true numbers beside where there are any", () => {
  const written = (asPath: AsPath) => toHex(writeAttributes({ ...emptyAttributes, asPath }, false));
  assert.equal(written([s(1, 2)]), "40010100400206020200010002");
  assert.equal(written([s(70000)]), "4001010040020402015ba0c01106020100011170");
  // AS4_PATH holds no segment of a confederation, and is left out when nothing else would be in it.
  assert.equal(written([confed(70000)]), "4001010040020403015ba0");
});

test("a path longer than a segment is written in several", () => {
  const asPath = [s(...Array.from({ length: 300 }, (_, i) => i + 1))];
  const writer = new OctetWriter();
  writeAsPath(writer, asPath, true);
  const bytes = writer.finish();
  assert.deepEqual([bytes[1], bytes[2 + 255 * 4 + 1]], [255, 45]);
  const full = [s(...Array.from({ length: 255 }, () => 1))];
  assert.deepEqual(prependAs(full, 2), [s(2), ...full]);
  assert.deepEqual(prependAs([confed(5), s(1)], 2), [s(2, 1)]);
});

test("a set counts one hop and a confederation none, and the neighbour is the first of the first sequence", () => {
  const cases: [path: AsPath, hops: number, neighbour: number | undefined][] = [
    [[], 0, undefined],
    [[s(1, 2)], 2, 1],
    [[set(1, 2), s(3)], 2, undefined],
    [[confed(9), s(3, 4)], 2, 3],
    [[confed(9)], 0, undefined],
  ];
  for (const [path, hops, neighbour] of cases) {
    assert.equal(asPathLength(path), hops);
    assert.equal(neighbourAs(path), neighbour);
  }
});

test("equal attributes share one object, wherever the multiprotocol ones stand", () => {
  const table = new AttributeTable();
  const setOf = (bytes: Uint8Array, context = internal) => {
    const message = read(bytes, context, table);
    assert.ok(message.type === "update");
    return message.announced.at(-1)?.set;
  };
  const reach = (prefix: string) => `80 0e 17 0002 01 10 20010db8000000000000000000000001 00 08 ${prefix}`;
  assert.equal(setOf(update("", plain, "08 0a")), setOf(update("08 0b", plain, "10 0a00")));
  const front = setOf(update("", `${reach("20")} ${origin} ${emptyPath}`, ""));
  assert.ok(front !== undefined);
  assert.equal(setOf(update("", `${reach("21")} ${origin} ${emptyPath}`, "")), front);
  assert.equal(setOf(update("", `${origin} ${reach("22")} ${emptyPath}`, "")), front);
  assert.equal(setOf(update("", `${origin} ${emptyPath} ${reach("23")}`, "")), front);
  // The same octets of another sort of session are another set.
  assert.notEqual(
    setOf(update("", plain, "08 0a")),
    setOf(update("", plain, "08 0a"), { ...internal, isInternal: false }),
  );
  assert.notEqual(setOf(update("", plain, "08 0a")), setOf(update("", plain, "08 0a"), narrow));
});

test("the table of attributes forgets what is no longer told and keeps what is, within its bound", () => {
  const table = new AttributeTable(40 * 600);
  const setOf = (med: number) => {
    const attributes = `${plain} 80 04 04 ${med.toString(16).padStart(8, "0")}`;
    return readUpdateOf(update("", attributes, "08 0a"), internal, table).announced[0]?.set;
  };
  const kept = setOf(0);
  for (let med = 1; med < 500; med++) {
    setOf(med);
    if (med % 10 === 0) assert.equal(setOf(0), kept);
    assert.ok(table.size <= 100);
  }
  const old = setOf(1);
  for (let med = 1000; med < 1200; med++) setOf(med);
  assert.notEqual(setOf(1), old);
});

test("a flood of next hops with the same attributes does not fill the table", () => {
  const table = new AttributeTable(100_000);
  for (let i = 0; i < 5000; i++) {
    const hop = `20010db8${i.toString(16).padStart(24, "0")}`;
    readUpdateOf(update("", `80 0e 17 0002 01 10 ${hop} 00 08 20 ${origin} ${emptyPath}`, ""), internal, table);
  }
  const bytes = update("", `80 0e 17 0002 01 10 ${"20".repeat(16)} 00 08 20 ${origin} ${emptyPath}`, "");
  const { set } = readUpdateOf(bytes, internal, table).announced[0]!;
  assert.equal(readUpdateOf(bytes, internal, table).announced[0]!.set, set);
});

test("attributes that take many times their octets in memory fill the table the sooner", () => {
  const boundBytes = 4_000_000;
  const number = (i: number) => i.toString(16).padStart(8, "0");
  const segments = (i: number) => `${origin} 50 02 0708 ${`02 01 ${number(i + 1)}`.repeat(300)} ${nextHop}`;
  const unknown = (i: number) =>
    `${plain} c0 fe 04 ${number(i)} ${Array.from({ length: 200 }, (_, k) => `c0 ${(40 + k).toString(16)} 00`).join(" ")}`;
  // What one of them was measured to take.
  for (const [attributes, sizeBytes] of [
    [segments, 70_000],
    [unknown, 36_000],
  ] as const) {
    const table = new AttributeTable(boundBytes);
    for (let i = 0; i < 500; i++) readUpdateOf(update("", attributes(i), "08 0a"), internal, table);
    assert.ok(table.size > 0 && table.size * sizeBytes <= 2.1 * boundBytes, `${table.size} sets`);
  }
});

test("attributes beyond what the engine hashes are read each time and kept by nobody", () => {
  const table = new AttributeTable();
  const longer = { ...internal, isInternal: false };
  const attributes = (size: number) => `${plain} d0 c8 ${size.toString(16).padStart(4, "0")} ${"07".repeat(size)}`;
  for (const size of [15_000, 16_000, 60_000]) {
    const bytes = update("", attributes(size), "");
    const scan = scanAttributes(bytes, 23, bytes.length);
    const { set } = table.read(bytes, scan, longer);
    assert.equal(set.attributes.unknown[0]?.value.length, size);
    assert.equal(table.size, 1, "the first one alone");
    assert.equal(table.read(bytes, scan, longer).set === set, size < 16_000);
  }
});

test("values that are kept do not refer to the octets that they came in", () => {
  const bytes = update("", `${plain} c0 63 02 0102`, "08 0a");
  const message = readUpdateOf(bytes);
  bytes.fill(0);
  assert.deepEqual([...(message.announced[0]!.set.attributes.unknown[0]?.value ?? [])], [1, 2]);
});

test("a v4-mapped next hop has sixteen octets again when it goes on", () => {
  const octets = `${"00".repeat(10)}ffffc0000201`;
  const message = readUpdateOf(update("", `80 0e 17 0002 01 10 ${octets} 00 08 20 ${origin} ${emptyPath}`, ""));
  const hop = message.announced[0]?.set.attributes.nextHop ?? assert.fail();
  assert.equal(toHex(addressOctets(hop)), octets);
  assert.equal(toHex(addressOctets(address("192.0.2.1"))), "c0000201");
  assert.equal(toHex(addressOctets(address("2001:db8::1"))), "20010db8000000000000000000000001");
});
