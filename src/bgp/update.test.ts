import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../lib/index.ts";
import { AttributeTable } from "./attribute-table.ts";
import { type Family, allFamilies } from "./config.ts";
import { writeMessage } from "./message.ts";
import { type PrefixKey, cidrToKey, keyContains, keyToCidr } from "./prefix-key.ts";
import {
  emptyPath,
  external,
  internal,
  nextHop,
  origin,
  outcomeOf,
  plain,
  read,
  readUpdateOf,
  update,
} from "./testing/messages.ts";
import { hex } from "./testing/octets.ts";
import { route } from "./testing/values.ts";
import type { UpdateContext } from "./update.ts";

const key = (prefix: string): PrefixKey => cidrToKey(route(prefix).prefix);
const extendedHops: UpdateContext = { ...internal, hasExtendedNextHop: true };
const narrow: UpdateContext = { ...internal, isFourOctetAs: false };

/** MP_REACH_NLRI of IPv6 unicast with one good next hop and these prefixes. */
const reach6 = (nlri: string, flags = "80") => {
  const length = (21 + hex(nlri).length).toString(16).padStart(2, "0");
  return `${flags} 0e ${length} 0002 01 10 20010db8000000000000000000000001 00 ${nlri}`;
};
const unreach6 = (nlri: string, flags = "80") =>
  `${flags} 0f ${(3 + hex(nlri).length).toString(16).padStart(2, "0")} 0002 01 ${nlri}`;
const prefix6 = "40 fd00000000000001";

type Case = [name: string, bytes: Uint8Array, wanted: string, context?: UpdateContext];
/** One IPv4 route with the least of attributes and these. */
const withAttributes = (more: string) => update("", `${plain} ${more}`, "08 0a");

const wellKnownCases: Case[] = [
  ["all is well", withAttributes(""), "ok"],
  ["ORIGIN 2", update("", `40 01 01 02 ${emptyPath} ${nextHop}`, "08 0a"), "ok"],
  ["ORIGIN 3", update("", `40 01 01 03 ${emptyPath} ${nextHop}`, "08 0a"), "withdraw"],
  ["ORIGIN of two octets", update("", `40 01 02 0000 ${emptyPath} ${nextHop}`, "08 0a"), "withdraw"],
  ["ORIGIN of none", update("", `40 01 00 ${emptyPath} ${nextHop}`, "08 0a"), "withdraw"],
  ["ORIGIN marked optional", update("", `c0 01 01 00 ${emptyPath} ${nextHop}`, "08 0a"), "withdraw"],
  ["ORIGIN marked as not transitive", update("", `00 01 01 00 ${emptyPath} ${nextHop}`, "08 0a"), "withdraw"],
  ["ORIGIN marked partial", update("", `60 01 01 00 ${emptyPath} ${nextHop}`, "08 0a"), "ok"],
  ["unused flag bits", update("", `4f 01 01 00 ${emptyPath} ${nextHop}`, "08 0a"), "ok"],
  ["ORIGIN missing", update("", `${emptyPath} ${nextHop}`, "08 0a"), "withdraw"],
  ["NEXT_HOP missing", update("", `${origin} ${emptyPath}`, "08 0a"), "withdraw"],
  ["AS_PATH missing", update("", `${origin} ${nextHop}`, "08 0a"), "withdraw"],
  ["NEXT_HOP missing beside MP_REACH alone", update("", `${reach6(prefix6)} ${origin} ${emptyPath}`, ""), "ok"],
  [
    "NEXT_HOP missing beside MP_REACH and IPv4",
    update("", `${reach6(prefix6)} ${origin} ${emptyPath}`, "08 0a"),
    "withdraw",
  ],
  ["NEXT_HOP of three octets", update("", `${origin} ${emptyPath} 40 03 03 c00002`, "08 0a"), "withdraw"],
  ["NEXT_HOP of five octets", update("", `${origin} ${emptyPath} 40 03 05 c000020100`, "08 0a"), "withdraw"],
  ["a next hop that nobody can use", update("", `${origin} ${emptyPath} 40 03 04 00000000`, "08 0a"), "ok"],
  ["MED of three octets", withAttributes("80 04 03 000000"), "withdraw"],
  ["MED of five octets", withAttributes("80 04 05 0000000000"), "withdraw"],
  ["MED marked transitive", withAttributes("c0 04 04 00000001"), "withdraw"],
  ["LOCAL_PREF missing, internal", withAttributes(""), "ok"],
  ["LOCAL_PREF of one octet, internal", withAttributes("40 05 01 00"), "withdraw"],
  ["LOCAL_PREF of four octets, internal", withAttributes("40 05 04 00000064"), "ok"],
  ["LOCAL_PREF, external", withAttributes("40 05 04 00000064"), "discard", external],
  ["LOCAL_PREF of one octet, external", withAttributes("40 05 01 00"), "discard", external],
  ["a long length where a short one would do", update("", `50 01 0001 00 ${emptyPath} ${nextHop}`, "08 0a"), "ok"],
];

const path = (segments: string, flags = "40") =>
  update(
    "",
    `${origin} ${flags} 02 ${hex(segments).length.toString(16).padStart(2, "0")} ${segments} ${nextHop}`,
    "08 0a",
  );

const pathCases: Case[] = [
  ["empty path", path(""), "ok"],
  ["AS 0 first in the path", path("02 02 00000000 00000001"), "withdraw"],
  ["AS 0 last in a set", path("01 02 00000001 00000000"), "withdraw"],
  ["AS 0 in a confederation", path("03 01 00000000"), "withdraw"],
  ["AS 0 in a narrow path", path("02 02 0001 0000"), "withdraw", narrow],
  ["AS 23456", path("02 01 00005ba0"), "ok"],
  ["AS 4294967295", path("02 01 ffffffff"), "ok"],
  ["all types of segments (RFC 5065)", path("01 01 00000001 02 01 00000001 03 01 00000001 04 01 00000001"), "ok"],
  ["segment of type 0", path("00 01 00000001"), "withdraw"],
  ["segment of type 5", path("05 01 00000001"), "withdraw"],
  ["segment longer than the attribute", path("02 02 00000001"), "withdraw"],
  ["segment shorter than the attribute by one octet", path("02 01 00000001 02"), "withdraw"],
  ["segment of narrow numbers where wide ones were agreed on", path("02 02 0001 0002"), "withdraw"],
  ["empty segment", path("02 00"), "withdraw"],
  ["empty segment behind a good one", path("02 01 00000001 02 00"), "withdraw"],
  ["path marked optional", path("02 01 00000001", "c0"), "withdraw"],
];

const aggregateCases: Case[] = [
  ["ATOMIC_AGGREGATE", withAttributes("40 06 00"), "ok"],
  ["ATOMIC_AGGREGATE with a value", withAttributes("40 06 01 00"), "discard"],
  ["ATOMIC_AGGREGATE marked optional", withAttributes("c0 06 00"), "withdraw"],
  ["AGGREGATOR", withAttributes("c0 07 08 00000001 c0000201"), "ok"],
  ["AGGREGATOR of six octets", withAttributes("c0 07 06 0001 c0000201"), "discard"],
  ["AGGREGATOR of nine octets", withAttributes("c0 07 09 00000001 c000020100"), "discard"],
  ["AGGREGATOR of AS 0", withAttributes("c0 07 08 00000000 c0000201"), "discard"],
  ["narrow AGGREGATOR", withAttributes("c0 07 06 0001 c0000201"), "ok", narrow],
  ["narrow AGGREGATOR of eight octets", withAttributes("c0 07 08 00000001 c0000201"), "discard", narrow],
  ["narrow AGGREGATOR of AS 0", withAttributes("c0 07 06 0000 c0000201"), "discard", narrow],
];

const listCases: Case[] = [
  ["one community", withAttributes("c0 08 04 00000001"), "ok"],
  ["three octets of communities", withAttributes("c0 08 03 000000"), "withdraw"],
  ["five octets of communities", withAttributes("c0 08 05 0000000000"), "withdraw"],
  ["no communities", withAttributes("c0 08 00"), "withdraw"],
  ["communities marked as not transitive", withAttributes("80 08 04 00000001"), "withdraw"],
  ["ORIGINATOR_ID", withAttributes("80 09 04 01020304"), "ok"],
  ["ORIGINATOR_ID, external", withAttributes("80 09 04 01020304"), "discard", external],
  ["ORIGINATOR_ID of three octets, external", withAttributes("80 09 03 010203"), "discard", external],
  ["ORIGINATOR_ID of three octets", withAttributes("80 09 03 010203"), "withdraw"],
  ["ORIGINATOR_ID of no octets", withAttributes("80 09 00"), "withdraw"],
  ["ORIGINATOR_ID of eight octets", withAttributes("80 09 08 0102030401020304"), "withdraw"],
  ["CLUSTER_LIST of two", withAttributes("80 0a 08 0102030405060708"), "ok"],
  ["CLUSTER_LIST of five octets", withAttributes("80 0a 05 0102030405"), "withdraw"],
  ["CLUSTER_LIST of no octets", withAttributes("80 0a 00"), "withdraw"],
  ["CLUSTER_LIST, external", withAttributes("80 0a 04 01020304"), "discard", external],
  ["an extended community", withAttributes("c0 10 08 0002000000000001"), "ok"],
  ["extended communities of seven octets", withAttributes("c0 10 07 00000000000000"), "withdraw"],
  ["extended communities of no octets", withAttributes("c0 10 00"), "withdraw"],
  ["a large community", withAttributes("c0 20 0c 000000010000000200000003"), "ok"],
  ["large communities of eight octets", withAttributes("c0 20 08 0000000000000000"), "withdraw"],
  ["large communities of thirteen octets", withAttributes("c0 20 0d 00000001000000020000000300"), "withdraw"],
  ["large communities of no octets", withAttributes("c0 20 00"), "withdraw"],
];

const otherCases: Case[] = [
  ["the same attribute twice", withAttributes(origin), "discard"],
  ["the same attribute twice, the second one bad", withAttributes("40 01 01 09"), "discard"],
  ["an unknown attribute twice", withAttributes("c0 63 00 c0 63 01 00"), "discard"],
  ["the last attribute cut", withAttributes("80 04 04 0000"), "withdraw"],
  ["the last attribute without its type", withAttributes("80"), "withdraw"],
  ["the last attribute without its length", withAttributes("80 04"), "withdraw"],
  ["the last attribute without half its length", withAttributes("90 04 00"), "withdraw"],
  ["AS4_PATH from a peer with wide AS numbers", withAttributes("c0 11 06 02 01 00000001"), "discard"],
  ["AS4_AGGREGATOR from a peer with wide AS numbers", withAttributes("c0 12 08 00000001 c0000201"), "discard"],
  ["AS4_PATH from a peer with narrow ones", withAttributes("c0 11 06 02 01 00000001"), "ok", narrow],
  ["AS4_PATH cut", withAttributes("c0 11 05 02 01 000000"), "discard", narrow],
  ["AS4_PATH with AS 0", withAttributes("c0 11 06 02 01 00000000"), "discard", narrow],
  ["AS4_AGGREGATOR of seven octets", withAttributes("c0 12 07 00000001 c00002"), "discard", narrow],
  ["an attribute that nobody knows, optional", withAttributes("c0 63 02 0102"), "ok"],
  ["an attribute that nobody knows, optional and empty", withAttributes("c0 63 00"), "ok"],
  ["an attribute that nobody knows, not transitive", withAttributes("80 63 02 0102"), "ok"],
  ["an attribute that nobody knows, well-known", withAttributes("40 63 02 0102"), "3/2"],
  ["an attribute that nobody knows, well-known, beside a bad one", withAttributes("40 63 00 80 04 01 00"), "3/2"],
  ["a deprecated attribute (RFC 8093)", withAttributes("c0 1e 04 00000001 c0 f1 01 00"), "ok"],
  ["discard beside withdraw", withAttributes("40 06 01 00 80 04 01 00"), "withdraw"],
];

const messageCases: Case[] = [
  ["no routes at all", update("", "", ""), "ok"],
  ["only withdrawn routes", update("08 0a", "", ""), "ok"],
  ["attributes and no route", update("", plain, ""), "ok"],
  ["an attribute cut and no route", update("08 0a", "40 01 04 00", ""), "3/1"],
  ["a bad attribute and no route", update("08 0a", "40 01 01 09", ""), "3/1"],
  ["an attribute to be discarded and no route", update("08 0a", "40 06 01 00", ""), "discard"],
  ["a bad attribute beside MP_UNREACH", update("", `${unreach6(prefix6)} 40 01 01 09`, ""), "3/1"],
  ["a bad attribute beside an empty MP_REACH", update("", `${reach6("")} 40 01 01 09`, ""), "3/1"],
  ["attributes longer than the message", writeMessage(2, hex("0000 0005 40")), "3/1"],
  ["withdrawn routes longer than the message", writeMessage(2, hex("0009 0000")), "3/1"],
  ["withdrawn routes that leave no room for a length", writeMessage(2, hex("0001 08 00")), "3/1"],
  ["a prefix of 32 bits", update("", plain, "20 0a000001"), "ok"],
  ["a prefix of 33 bits", update("", plain, "21 0a000000 00"), "3/10"],
  ["a prefix of 0 bits", update("", plain, "00"), "ok"],
  ["a prefix cut", update("", plain, "18 0a00"), "3/10"],
  ["a withdrawn prefix cut", update("18 0a00", "", ""), "3/10"],
  ["a withdrawn prefix of 33 bits", update("21 0a00000000", "", ""), "3/10"],
];

const multiprotocolCases: Case[] = [
  ["MP_REACH twice", update("", `${reach6(prefix6)} ${reach6(prefix6)} ${origin} ${emptyPath}`, ""), "3/1"],
  ["MP_UNREACH twice", update("", `${unreach6(prefix6)} ${unreach6(prefix6)}`, ""), "3/1"],
  [
    "MP_REACH with a next hop of 15 octets",
    update("", `80 0e 14 0002 01 0f ${"00".repeat(15)} 00 ${plain}`, ""),
    "3/9",
  ],
  ["MP_REACH with a next hop of 4 octets for IPv6", update("", `80 0e 09 0002 01 04 c0000201 00 ${plain}`, ""), "3/9"],
  [
    "MP_REACH with a next hop of 24 octets",
    update("", `80 0e 1d 0002 01 18 ${"20".repeat(24)} 00 ${plain}`, ""),
    "3/9",
  ],
  ["MP_REACH with a prefix of 128 bits", update("", `${reach6(`80 ${"fd".repeat(16)}`)} ${plain}`, ""), "ok"],
  ["MP_REACH with a prefix of 129 bits", update("", `${reach6(`81 ${"fd".repeat(17)}`)} ${plain}`, ""), "3/9"],
  ["MP_REACH with a prefix cut", update("", `${reach6("40 fd00")} ${plain}`, ""), "3/9"],
  ["MP_REACH without a reserved octet", update("", `80 0e 14 0002 01 10 ${"20".repeat(16)} ${plain}`, ""), "3/9"],
  [
    "MP_REACH with a reserved octet that is set",
    update("", `80 0e 1e 0002 01 10 ${"20".repeat(16)} 07 ${prefix6} ${plain}`, ""),
    "ok",
  ],
  ["MP_REACH cut within", update("", `80 0e 04 0002 01 10 ${plain}`, ""), "3/9"],
  ["MP_REACH that runs over the attributes", update("", `${plain} 80 0e 40 0002 01 10 00`, "08 0a"), "3/9"],
  ["MP_REACH marked transitive", update("", `${reach6(prefix6, "c0")} ${plain}`, ""), "withdraw"],
  ["MP_REACH marked well-known", update("", `${reach6(prefix6, "40")} ${plain}`, ""), "withdraw"],
  ["MP_UNREACH marked transitive, alone", update("", unreach6(prefix6, "c0"), ""), "withdraw"],
  ["MP_UNREACH marked transitive beside withdrawn routes", update("08 0a", unreach6(prefix6, "c0"), ""), "withdraw"],
  [
    "MP_UNREACH marked transitive beside attributes and no route",
    update("", `${unreach6(prefix6, "c0")} ${plain}`, ""),
    "3/1",
  ],
  [
    "MP_UNREACH marked transitive beside an empty MP_REACH",
    update("", `${reach6("")} ${unreach6(prefix6, "c0")}`, ""),
    "3/1",
  ],
  [
    "MP_UNREACH marked transitive beside a route",
    update("", `${unreach6(prefix6, "c0")} ${plain}`, "08 0a"),
    "withdraw",
  ],
  ["MP_UNREACH cut", update("", "80 0f 02 0002", ""), "3/9"],
  ["MP_UNREACH with a prefix of 129 bits", update("", unreach6(`81 ${"fd".repeat(17)}`), ""), "3/9"],
  ["MP_REACH of a family that is not ours", update("", `80 0e 09 0019 41 04 c0000201 00 ${plain}`, ""), "ok"],
  [
    "MP_REACH of a family that is not ours, its next hop cut",
    update("", `80 0e 08 0019 41 06 c0000201 ${plain}`, ""),
    "3/9",
  ],
  [
    "routes of a family that is not ours without ORIGIN",
    update("", `80 0e 0b 0019 41 04 c0000201 00 08 0a ${emptyPath}`, ""),
    "withdraw",
  ],
  ["IPv4 in MP_REACH", update("", `80 0e 0b 0001 01 04 c0000201 00 08 0a ${origin} ${emptyPath}`, ""), "ok"],
  [
    "IPv4 in MP_REACH with an IPv6 next hop that was not agreed on",
    update("", `80 0e 17 0001 01 10 ${"20".repeat(16)} 00 08 0a ${origin} ${emptyPath}`, ""),
    "3/9",
  ],
  [
    "IPv4 in MP_REACH with an IPv6 next hop",
    update("", `80 0e 17 0001 01 10 ${"20".repeat(16)} 00 08 0a ${origin} ${emptyPath}`, ""),
    "ok",
    extendedHops,
  ],
  [
    "IPv4 in MP_REACH with two IPv6 next hops",
    update("", `80 0e 27 0001 01 20 ${"20".repeat(32)} 00 08 0a ${origin} ${emptyPath}`, ""),
    "ok",
    extendedHops,
  ],
  [
    "IPv4 in MP_REACH with 12 octets of next hop",
    update("", `80 0e 13 0001 01 0c ${"20".repeat(12)} 00 08 0a ${origin} ${emptyPath}`, ""),
    "3/9",
    extendedHops,
  ],
];

test("RFC 7606: an error costs the attribute, the routes or the session, as it says there", () => {
  const all = [wellKnownCases, pathCases, aggregateCases, listCases, otherCases, messageCases, multiprotocolCases];
  for (const [name, bytes, wanted, context = internal] of all.flat()) {
    assert.equal(outcomeOf(bytes, context), wanted, name);
    const message = read(bytes, context);
    if (message.type !== "update") continue;
    assert.equal(message.complaint === "", wanted === "ok", name);
    if (wanted !== "withdraw") continue;
    assert.deepEqual(message.announced, [], name);
    assert.ok(message.withdrawn.length > 0 || name.includes("not ours"), name);
  }
});

test("each outcome is the same the second time, when the attributes are not read again", () => {
  const table = new AttributeTable();
  for (const [name, bytes, , context = internal] of [...wellKnownCases, ...otherCases, ...multiprotocolCases]) {
    assert.deepEqual(read(bytes, context, table), read(bytes, context, table), name);
    assert.deepEqual(read(bytes, context, table), read(bytes, context), name);
  }
});

test("routes that an error costs are withdrawn, those withdrawn beside them too", () => {
  const message = readUpdateOf(update("10 0b00", `${reach6(prefix6)} ${origin} ${emptyPath} 80 04 01 00`, "08 0a"));
  assert.equal(message.outcome, "withdraw");
  assert.deepEqual(message.withdrawn, [
    { family: "ipv4-unicast", keys: [key("11.0.0.0/16")] },
    { family: "ipv4-unicast", keys: [key("10.0.0.0/8")] },
    { family: "ipv6-unicast", keys: [key("fd00:0:0:1::/64")] },
  ]);
});

test("a prefix that one message withdraws and announces is announced", () => {
  const message = readUpdateOf(update("08 0a", plain, "08 0a"));
  assert.equal(message.withdrawn.length, 1);
  assert.deepEqual(message.announced[0]?.keys, [key("10.0.0.0/8")]);
});

test("an IPv6 route may carry a global and a link-local next hop", () => {
  const hops = "20010db8000000000000000000000001 fe800000000000000000000000000001";
  const message = readUpdateOf(update("", `80 0e 2e 0002 01 20 ${hops} 00 ${prefix6} ${origin} ${emptyPath}`, ""));
  const { attributes } = message.announced[0]!.set;
  assert.equal(attributes.nextHop, "2001:db8::1");
  assert.equal(attributes.linkLocalNextHop, "fe80::1");
  assert.equal(keyToCidr(message.announced[0]!.keys[0]!, "ipv6-unicast"), "fd00:0:0:1::/64");
});

test("an IPv4 route may have an IPv6 next hop where it was agreed on (RFC 8950)", () => {
  const reach = `80 0e 17 0001 01 10 20010db8000000000000000000000001 00 08 0a ${origin} ${emptyPath}`;
  const message = readUpdateOf(update("", reach, ""), extendedHops);
  assert.equal(message.announced[0]?.family, "ipv4-unicast");
  assert.equal(message.announced[0]?.set.attributes.nextHop, "2001:db8::1");
});

test("NEXT_HOP and the next hop of MP_REACH go each with their own routes", () => {
  const message = readUpdateOf(update("", `${reach6(prefix6)} ${plain}`, "08 0a"));
  assert.deepEqual(
    message.announced.map(({ family, set }) => [family, set.attributes.nextHop]),
    [
      ["ipv4-unicast", "192.0.2.1"],
      ["ipv6-unicast", "2001:db8::1"],
    ],
  );
});

test("path identifiers stand before each prefix of the families that come with them (RFC 7911)", () => {
  const context: UpdateContext = { ...internal, addPathReceive: allFamilies };
  const bytes = update(
    "00000001 08 0b",
    `80 0f 0f 0002 01 00000005 38 fd000000000000 ${plain}`,
    "00000001 08 0a 00000002 08 0a ffffffff 20 0a000001",
  );
  assert.deepEqual(readUpdateOf(bytes, context).withdrawn, [
    { family: "ipv4-unicast", keys: [key("11.0.0.0/8")], pathIds: [1] },
    { family: "ipv6-unicast", keys: [key("fd00::/56")], pathIds: [5] },
  ]);
  const [announced] = readUpdateOf(bytes, context).announced;
  assert.deepEqual(announced?.keys, [key("10.0.0.0/8"), key("10.0.0.0/8"), key("10.0.0.1/32")]);
  assert.deepEqual(announced?.pathIds, [1, 2, 4294967295]);
  const six: UpdateContext = { ...internal, addPathReceive: ["ipv6-unicast"] };
  const mixed = update("08 0b", `${reach6(`00000007 ${prefix6}`)} ${plain}`, "08 0a");
  assert.deepEqual(
    readUpdateOf(mixed, six).announced.map(({ pathIds }) => pathIds),
    [undefined, [7]],
  );
  for (const nlri of ["00", "0000", "000000", "00000001", "00000001 08", "00000001 21 0a00000000"]) {
    assert.equal(outcomeOf(update("", plain, nlri), context), "3/10", nlri);
    assert.equal(outcomeOf(update(nlri, "", ""), context), "3/10", nlri);
  }
  assert.equal(outcomeOf(update("", unreach6("0000"), ""), context), "3/9");
});

test("an End-of-RIB is told from an UPDATE that says as little", () => {
  const end = (bytes: Uint8Array, context = internal): Family | undefined => readUpdateOf(bytes, context).endOfRib;
  assert.equal(end(update("", "", "")), "ipv4-unicast");
  assert.equal(end(update("", unreach6(""), "")), "ipv6-unicast");
  assert.equal(end(update("", "80 0f 03 0001 01", "")), "ipv4-unicast");
  assert.equal(end(update("", "90 0f 0003 0002 01", "")), "ipv6-unicast");
  assert.equal(end(update("08 0a", "", "")), undefined);
  assert.equal(end(update("", origin, "")), undefined);
  assert.equal(end(update("", `${unreach6("")} ${origin}`, "")), undefined);
  assert.equal(end(update("08 0a", unreach6(""), "")), undefined);
  assert.equal(end(update("", unreach6(prefix6), "")), undefined);
  assert.equal(end(update("", "80 0f 03 0001 80", "")), undefined);
  assert.equal(end(update("", unreach6(""), ""), { ...internal, families: ["ipv4-unicast"] }), undefined);
  assert.equal(end(update("", "", ""), { ...internal, families: ["ipv6-unicast"] }), undefined);
});

test("routes of a family that the session does not carry are passed over", () => {
  const bytes = update("08 0b", `${reach6(prefix6)} ${plain}`, "08 0a");
  const told = (families: readonly Family[]) => {
    const { announced, withdrawn } = readUpdateOf(bytes, { ...internal, families });
    return [...withdrawn, ...announced].map(({ family }) => family);
  };
  assert.deepEqual(told(["ipv6-unicast"]), ["ipv6-unicast"]);
  assert.deepEqual(told(["ipv4-unicast"]), ["ipv4-unicast", "ipv4-unicast"]);
});

test("bits beyond a prefix's length count nothing", () => {
  assert.deepEqual(readUpdateOf(update("", plain, "0b 0aff")).announced[0]?.keys, [key("10.224.0.0/11")]);
  assert.deepEqual(readUpdateOf(update("", plain, "1f ffffffff")).announced[0]?.keys, [key("255.255.255.254/31")]);
  assert.deepEqual(readUpdateOf(update("", plain, "01 ff")).announced[0]?.keys, [key("128.0.0.0/1")]);
});

test("a key has the octets of its prefix, whatever the length", () => {
  const octets = Uint8Array.from({ length: 16 }, (_, i) => 0x21 + i * 13);
  for (const [family, size] of [
    ["ipv4-unicast", 4],
    ["ipv6-unicast", 16],
  ] as const) {
    for (let bits = 0; bits <= size * 8; bits++) {
      const count = (bits + 7) >> 3;
      const nlri = Buffer.from(Uint8Array.of(bits, ...octets.subarray(0, count))).toString("hex");
      const attributes = family === "ipv4-unicast" ? plain : `${reach6(nlri)} ${plain}`;
      const message = readUpdateOf(update("", attributes, family === "ipv4-unicast" ? nlri : ""));
      const [found] = message.announced[0]!.keys;
      assert.equal(found!.length, 1 + count);
      assert.equal(keyToCidr(found!, family), keyToCidr(cidrToKey(keyToCidr(found!, family)), family));
      assert.match(keyToCidr(found!, family), new RegExp(`/${bits}$`));
      for (let i = 0; i + 1 < count; i++) assert.equal(found!.charCodeAt(i + 1), octets[i]);
    }
  }
});

test("one prefix holds another when its bits are those of the other", () => {
  const cases: [string, string, boolean][] = [
    ["10.0.0.0/8", "10.1.0.0/16", true],
    ["10.0.0.0/8", "10.0.0.0/8", true],
    ["10.1.0.0/16", "10.0.0.0/8", false],
    ["10.0.0.0/9", "10.128.0.0/16", false],
    ["0.0.0.0/0", "1.2.3.4/32", true],
    ["fd00::/10", "fd3f::1/128", true],
    ["fd00::/10", "fd40::1/128", false],
  ];
  for (const [outer, inner, wanted] of cases)
    assert.equal(keyContains(key(outer), key(inner)), wanted, `${outer} ${inner}`);
});

test("any octets as the body of an UPDATE are read without an exception, in any context", () => {
  const table = new AttributeTable(50_000);
  const contexts = [internal, external, narrow, extendedHops, { ...internal, addPathReceive: allFamilies }];
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .uint8Array({ maxLength: 300 })
      .map((octets) => Uint8Array.of(0, 0, octets.length >> 8, octets.length & 255, ...octets)),
  );
  fc.assert(
    fc.property(body, fc.constantFrom(...contexts), (octets, context) => {
      const message = read(writeMessage(2, octets), context, table);
      assert.match(message.type, /^(update|fault)$/);
    }),
    { numRuns: 5000 },
  );
});

test("a true message with octets changed, cut or doubled is read without an exception, and alike the second time", () => {
  const random = seededRandom(7);
  const seeds = [
    update(
      "08 0a 10 0b00",
      `${plain} 80 04 04 00000001 c0 08 08 00000001 ffffff01 c0 10 08 0002000000000001`,
      "18 0a0000 20 0a000001",
    ),
    update(
      "",
      `${reach6(prefix6)} ${origin} 40 02 0e 02 02 0000fc00 00000001 01 01 00000002 c0 20 0c 000000010000000200000003`,
      "",
    ),
    update("", unreach6(prefix6), ""),
    update("", `${plain} c0 11 0a 02 02 00010000 00010001 c0 12 08 00010000 c0000201`, "08 0a"),
    writeMessage(1, hex("04 fc00 005a 0a000001 14 02 12 01 04 0002 00 01 40 06 8078 0001 01 80 41 04 0000fc00")),
  ];
  const table = new AttributeTable(100_000);
  const contexts = [internal, external, narrow, { ...extendedHops, addPathReceive: allFamilies }];
  for (let run = 0; run < 20_000; run++) {
    const bytes = seeds[run % seeds.length]!.slice();
    for (let change = 0; change <= run % 4; change++) {
      bytes[19 + Math.floor(random() * (bytes.length - 19))] = Math.floor(random() * 256);
    }
    const cut = random() < 0.2 ? bytes.subarray(0, 19 + Math.floor(random() * (bytes.length - 19))) : bytes;
    const context = contexts[run % contexts.length]!;
    const first = read(cut, context, table);
    if (run % 10 === 0) assert.deepEqual(read(cut, context, table), first);
  }
});
