import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressFromBytes, addressToBytes, makeCidr, seededRandom } from "../lib/index.ts";
import { AttributeTable } from "./attribute-table.ts";
import { type PathAttributes, emptyAttributes, writeAttributes } from "./attributes.ts";
import { type Family, allFamilies } from "./config.ts";
import {
  Framer,
  type Message,
  readMessage,
  writeKeepalive,
  writeMessage,
  writeNotification,
  writeOpenMessage,
  writeRouteRefresh,
} from "./message.ts";
import { describeNotification, notification } from "./notification.ts";
import type { Open } from "./open.ts";
import { type PrefixKey, cidrToKey, keyContains, keyToCidr } from "./prefix-key.ts";
import { address, route } from "./testing/network.ts";
import { hex, toHex } from "./testing/octets.ts";
import type { Update, UpdateContext } from "./update.ts";
import { writeAnnouncements, writeEndOfRib, writeWithdrawals } from "./update-writer.ts";

const internal: UpdateContext = { isInternal: true, isFourOctetAs: true, families: allFamilies };
const external: UpdateContext = { ...internal, isInternal: false };

function read(bytes: Uint8Array, context = internal): Message {
  return readMessage(bytes, context, new AttributeTable());
}

/** An UPDATE of its three parts in hex. */
function update(withdrawn: string, attributes: string, nlri: string): Uint8Array {
  const [first, second, third] = [hex(withdrawn), hex(attributes), hex(nlri)];
  const size = (bytes: Uint8Array) => [bytes.length >> 8, bytes.length & 255];
  return writeMessage(2, Uint8Array.of(...size(first), ...first, ...size(second), ...second, ...third));
}

function readUpdateOf(bytes: Uint8Array, context = internal): Update {
  const message = read(bytes, context);
  assert.ok(message.type === "update", message.type);
  return message;
}

const key = (prefix: string): PrefixKey => cidrToKey(route(prefix).prefix);

/** With the prototype of what they are compared with. */
const plainObjects = { noNullPrototype: true } as const;

const origin = "40 01 01 00";
const emptyPath = "40 02 00";
const nextHop = "40 03 04 c0000201";
const plain = `${origin} ${emptyPath} ${nextHop}`;

test("OPEN survives the way to octets and back", () => {
  const family = fc.constantFrom<Family>(...allFamilies);
  const restart = fc.record(
    {
      isRestarting: fc.boolean(),
      restartTimeSeconds: fc.nat(4095),
      families: fc.uniqueArray(fc.record({ family, isForwarding: fc.boolean() }, plainObjects), {
        selector: (one) => one.family,
      }),
    },
    plainObjects,
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 0xffffffff }),
      fc.constantFrom(0, 3, 90, 65535),
      fc.uniqueArray(family, { minLength: 1 }),
      fc.option(restart, { nil: undefined }),
      fc.boolean(),
      (asNumber, holdTimeSeconds, families, gracefulRestart, flag) => {
        const open: Open = {
          asNumber,
          holdTimeSeconds,
          routerId: address("192.0.2.1"),
          families,
          canRefresh: flag,
          hasFourOctetAs: true,
          hasExtendedMessages: !flag,
          ...(gracefulRestart === undefined ? {} : { gracefulRestart }),
        };
        assert.deepEqual(read(writeOpenMessage(open)), { type: "open", open });
      },
    ),
  );
});

test("an OPEN as another speaker sends it is understood, and what is unknown in it is passed over", () => {
  // Capabilities in parameters of their own; AS_TRANS with the true AS beside; ADD-PATH and one that nobody knows.
  const body = hex(`04 5ba0 005a 0a000001 26
    02 06 01 04 0001 00 01  02 02 02 00  02 06 41 04 fffe0001  02 06 45 04 0001 01 03  02 02 c8 00
    02 04 40 02 80 78`);
  const message = read(writeMessage(1, body));
  assert.deepEqual(message, {
    type: "open",
    open: {
      asNumber: 0xfffe0001,
      holdTimeSeconds: 90,
      routerId: "10.0.0.1",
      families: ["ipv4-unicast"],
      canRefresh: true,
      hasFourOctetAs: true,
      hasExtendedMessages: false,
      gracefulRestart: { isRestarting: true, restartTimeSeconds: 120, families: [] },
    },
  });
});

test("long optional parameters of RFC 9072 are read", () => {
  const body = hex("04 fc00 005a 0a000001 ff ff 0009 02 0006 01 04 0002 00 01");
  const message = read(writeMessage(1, body));
  assert.ok(message.type === "open");
  assert.deepEqual(message.open.families, ["ipv6-unicast"]);
});

test("a bad OPEN is answered with the subcode that RFC 4271 section 6.2 gives it", () => {
  const cases: [name: string, body: string, subcode: number][] = [
    ["version", "03 fc00 005a 0a000001 00", 1],
    ["AS 0", "04 0000 005a 0a000001 00", 2],
    ["identifier 0", "04 fc00 005a 00000000 00", 3],
    ["parameter", "04 fc00 005a 0a000001 03 01 01 00", 4],
    ["hold time", "04 fc00 0002 0a000001 00", 6],
    ["parameters cut", "04 fc00 005a 0a000001 05 02 06 01 04 00", 0],
    ["parameters too long", "04 fc00 005a 0a000001 00 02 00", 0],
    ["capability cut", "04 fc00 005a 0a000001 04 02 02 01 04", 0],
  ];
  for (const [name, body, subcode] of cases) {
    const message = read(writeMessage(1, hex(body)));
    assert.ok(message.type === "fault", name);
    assert.deepEqual([message.fault.code, message.fault.subcode], [2, subcode], name);
  }
});

test("the smallest messages have the octets that the RFCs draw", () => {
  const marker = "ff".repeat(16);
  assert.equal(toHex(writeKeepalive()), `${marker}001304`);
  assert.equal(toHex(writeRouteRefresh("ipv6-unicast")), `${marker}00170500020001`);
  assert.equal(toHex(writeNotification(notification(6, 2))), `${marker}0015030602`);
  assert.equal(toHex(writeEndOfRib("ipv4-unicast")), `${marker}00170200000000`);
  assert.equal(toHex(writeEndOfRib("ipv6-unicast")), `${marker}001d0200000006800f03000201`);
  for (const family of allFamilies) assert.equal(readUpdateOf(writeEndOfRib(family)).endOfRib, family);
  assert.deepEqual(read(writeRouteRefresh("ipv6-unicast")), {
    type: "routeRefresh",
    family: "ipv6-unicast",
    subtype: 0,
  });
});

test("a notification is told in words, the peer's own among them", () => {
  const words = Uint8Array.of(4, ...new TextEncoder().encode("bye\u001b"));
  assert.equal(describeNotification(notification(6, 2, words)), "cease: administrative shutdown (bye)");
  assert.equal(describeNotification(notification(2, 2)), "OPEN error: bad peer AS");
  assert.equal(describeNotification(notification(99, 3)), "error 99: subcode 3");
});

const asNumber = fc.integer({ min: 1, max: 0xffffffff });
const u32 = fc.nat(0xffffffff);
const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(addressFromBytes);
const attributesArbitrary: fc.Arbitrary<PathAttributes> = fc.record(
  {
    origin: fc.nat(2),
    asPath: fc.array(
      fc.record(
        {
          type: fc.constantFrom("sequence" as const, "set" as const),
          asNumbers: fc.array(asNumber, { minLength: 1, maxLength: 5 }),
        },
        plainObjects,
      ),
      { maxLength: 3 },
    ),
    med: u32,
    localPref: u32,
    isAtomicAggregate: fc.boolean(),
    aggregator: fc.record({ asNumber, address: ipv4 }, plainObjects),
    communities: fc.array(u32, { maxLength: 80 }),
    extendedCommunities: fc.array(fc.bigInt(0n, 2n ** 64n - 1n), { maxLength: 3 }),
    largeCommunities: fc.array(fc.tuple(u32, u32, u32), { maxLength: 3 }),
    originatorId: ipv4,
    clusterList: fc.array(ipv4, { maxLength: 3 }),
    unknown: fc.array(
      fc.record(
        {
          type: fc.integer({ min: 40, max: 250 }),
          flags: fc.constant(0xe0),
          value: fc.uint8Array({ maxLength: 300 }),
        },
        plainObjects,
      ),
      { maxLength: 1 },
    ),
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

const prefixArbitrary = (family: Family) =>
  fc
    .tuple(
      fc.uint8Array(family === "ipv4-unicast" ? { minLength: 4, maxLength: 4 } : { minLength: 16, maxLength: 16 }),
      fc.nat(family === "ipv4-unicast" ? 32 : 128),
    )
    // The upper bits set keep it from being an IPv4 address in IPv6 clothes.
    .map(([octets, length]) =>
      makeCidr(addressFromBytes(Uint8Array.of(octets[0]! | 0x20, ...octets.slice(1))), length),
    );

test("attributes and prefixes of both families survive the way to octets and back, with wide and narrow AS numbers", () => {
  fc.assert(
    fc.property(
      attributesArbitrary,
      fc.boolean(),
      fc
        .constantFrom(...allFamilies)
        .chain((family) =>
          fc.tuple(fc.constant(family), fc.uniqueArray(prefixArbitrary(family), { minLength: 1, maxLength: 20 })),
        ),
      (attributes, isFourOctetAs, [family, prefixes]) => {
        const isV4 = family === "ipv4-unicast";
        const hop = address(isV4 ? "192.0.2.1" : "2001:db8::1");
        const told: PathAttributes = { ...attributes, nextHop: hop };
        const encoded = { bytes: writeAttributes(told, isFourOctetAs), nextHop: addressToBytes(hop) };
        const keys = prefixes.map(cidrToKey);
        const { messages, unfit } = writeAnnouncements(family, keys, encoded);
        assert.deepEqual(unfit, []);
        const seen = messages.flatMap((message) => {
          assert.ok(message.length <= 4096);
          const { announced, outcome, complaint } = readUpdateOf(message, { ...internal, isFourOctetAs });
          assert.equal(outcome, "ok", complaint);
          assert.equal(announced.length, 1);
          assert.deepEqual(announced[0]?.set.attributes, told);
          return announced[0]!.keys;
        });
        assert.deepEqual(
          seen.map((one) => keyToCidr(one, family)),
          prefixes,
        );
        const gone = writeWithdrawals(family, keys).flatMap((message) => readUpdateOf(message).withdrawn);
        assert.deepEqual(
          gone.flatMap((one) => one.keys),
          keys,
        );
      },
    ),
  );
});

test("messages stay within 4,096 octets, and a prefix that fits beside no attributes is told apart", () => {
  const keys = Array.from({ length: 5000 }, (_, i) => key(`10.0.${i >> 8}.${i & 255}/32`));
  const attributes = writeAttributes({ ...emptyAttributes, nextHop: address("192.0.2.1") }, true);
  const { messages } = writeAnnouncements("ipv4-unicast", keys, { bytes: attributes, nextHop: new Uint8Array(4) });
  assert.ok(messages.every((message) => message.length <= 4096) && messages.length === 7);
  const huge = writeAttributes({ ...emptyAttributes, communities: Array.from({ length: 1010 }, (_, i) => i) }, true);
  const short = key("10.0.0.0/8");
  const all = [short, key("10.0.0.1/32")];
  for (let extra = 0; extra < 8; extra++) {
    const bytes = new Uint8Array([...huge, ...new Uint8Array(extra)]);
    const written = writeAnnouncements(
      "ipv4-unicast",
      all,
      { bytes, nextHop: new Uint8Array(4) },
      huge.length + 23 + 5,
    );
    assert.equal(written.messages.length + written.unfit.length, 2);
    assert.equal(written.unfit.length, extra === 0 ? 0 : extra < 4 ? 1 : 2);
  }
});

test("RFC 7606: an error costs the attribute, the routes or the session, as it says there", () => {
  const reach = "80 0e 15 0002 01 10 20010db8000000000000000000000001 00";
  const cases: [name: string, bytes: Uint8Array, wanted: string, context?: UpdateContext][] = [
    ["all is well", update("", plain, "08 0a"), "ok"],
    ["no routes at all", update("", "", ""), "ok"],
    ["ORIGIN 3", update("", `40 01 01 03 ${emptyPath} ${nextHop}`, "08 0a"), "withdraw"],
    ["ORIGIN of two octets", update("", `40 01 02 0000 ${emptyPath} ${nextHop}`, "08 0a"), "withdraw"],
    ["ORIGIN marked optional", update("", `c0 01 01 00 ${emptyPath} ${nextHop}`, "08 0a"), "withdraw"],
    ["ORIGIN missing", update("", `${emptyPath} ${nextHop}`, "08 0a"), "withdraw"],
    ["NEXT_HOP missing", update("", `${origin} ${emptyPath}`, "08 0a"), "withdraw"],
    ["AS_PATH missing", update("", `${origin} ${nextHop}`, "08 0a"), "withdraw"],
    ["AS 0 in the path", update("", `${origin} 40 02 06 02 01 00000000 ${nextHop}`, "08 0a"), "withdraw"],
    ["segment of a type that is none", update("", `${origin} 40 02 06 07 01 00000001 ${nextHop}`, "08 0a"), "withdraw"],
    [
      "segment longer than the attribute",
      update("", `${origin} 40 02 06 02 02 00000001 ${nextHop}`, "08 0a"),
      "withdraw",
    ],
    ["empty segment", update("", `${origin} 40 02 02 02 00 ${nextHop}`, "08 0a"), "withdraw"],
    ["NEXT_HOP of five octets", update("", `${origin} ${emptyPath} 40 03 05 c000020100`, "08 0a"), "withdraw"],
    ["MED of three octets", update("", `${plain} 80 04 03 000000`, "08 0a"), "withdraw"],
    ["LOCAL_PREF of one octet, internal", update("", `${plain} 40 05 01 00`, "08 0a"), "withdraw"],
    ["LOCAL_PREF, external", update("", `${plain} 40 05 04 00000064`, "08 0a"), "discard", external],
    ["ATOMIC_AGGREGATE with a value", update("", `${plain} 40 06 01 00`, "08 0a"), "discard"],
    ["AGGREGATOR too short", update("", `${plain} c0 07 06 0001 c0000201`, "08 0a"), "discard"],
    ["AGGREGATOR of AS 0", update("", `${plain} c0 07 08 00000000 c0000201`, "08 0a"), "discard"],
    ["three octets of communities", update("", `${plain} c0 08 03 000000`, "08 0a"), "withdraw"],
    ["no communities", update("", `${plain} c0 08 00`, "08 0a"), "withdraw"],
    ["ORIGINATOR_ID, external", update("", `${plain} 80 09 04 01020304`, "08 0a"), "discard", external],
    ["ORIGINATOR_ID of three octets", update("", `${plain} 80 09 03 010203`, "08 0a"), "withdraw"],
    ["CLUSTER_LIST of five octets", update("", `${plain} 80 0a 05 0102030405`, "08 0a"), "withdraw"],
    ["extended communities of seven octets", update("", `${plain} c0 10 07 00000000000000`, "08 0a"), "withdraw"],
    ["large communities of eight octets", update("", `${plain} c0 20 08 0000000000000000`, "08 0a"), "withdraw"],
    ["the same attribute twice", update("", `${plain} ${origin}`, "08 0a"), "ok"],
    ["the last attribute cut", update("", `${plain} 80 04 04 0000`, "08 0a"), "withdraw"],
    ["AS4_PATH from a peer with wide AS numbers", update("", `${plain} c0 11 06 02 01 00000001`, "08 0a"), "discard"],
    ["an attribute that nobody knows, optional", update("", `${plain} c0 63 02 0102`, "08 0a"), "ok"],
    ["an attribute that nobody knows, well-known", update("", `${plain} 40 63 02 0102`, "08 0a"), "3/2"],
    ["an attribute cut and no route", update("08 0a", "40 01 04 00", ""), "3/1"],
    ["a bad attribute and no route", update("08 0a", "40 01 01 09", ""), "3/1"],
    ["attributes longer than the message", writeMessage(2, hex("0000 0005 40")), "3/1"],
    ["withdrawn routes longer than the message", writeMessage(2, hex("0009 0000")), "3/1"],
    ["a prefix of 33 bits", update("", plain, "21 0a000000 00"), "3/10"],
    ["a withdrawn prefix cut", update("18 0a00", "", ""), "3/10"],
    ["MP_REACH twice", update("", `${reach} ${reach} ${plain}`, ""), "3/1"],
    [
      "MP_REACH with a next hop of 15 octets",
      update("", `80 0e 14 0002 01 0f ${"00".repeat(15)} 00 ${plain}`, ""),
      "3/9",
    ],
    [
      "MP_REACH with a prefix of 129 bits",
      update("", `80 0e 16 0002 01 10 ${"20".repeat(16)} 00 81 ${plain}`, ""),
      "3/9",
    ],
    ["MP_REACH cut", update("", `80 0e 04 0002 01 10 ${plain}`, ""), "3/9"],
    ["MP_UNREACH cut", update("", "80 0f 02 0002", ""), "3/9"],
    ["MP_REACH of a family that is not ours", update("", `80 0e 09 0019 41 04 c0000201 00 ${plain}`, ""), "ok"],
    ["a long length where a short one would do", update("", `50 01 0001 00 ${emptyPath} ${nextHop}`, "08 0a"), "ok"],
  ];
  for (const [name, bytes, wanted, context] of cases) {
    const message = read(bytes, context);
    assert.ok(message.type === "update" || message.type === "fault", name);
    const outcome = message.type === "update" ? message.outcome : `${message.fault.code}/${message.fault.subcode}`;
    assert.equal(outcome, wanted, name);
    if (message.type === "update" && wanted === "withdraw") {
      assert.deepEqual(message.announced, [], name);
      assert.deepEqual(message.withdrawn, [{ family: "ipv4-unicast", keys: [key("10.0.0.0/8")] }], name);
      assert.notEqual(message.complaint, "", name);
    }
  }
});

test("a prefix that one message withdraws and announces is announced", () => {
  const message = readUpdateOf(update("08 0a", plain, "08 0a"));
  assert.equal(message.withdrawn.length, 1);
  assert.deepEqual(message.announced[0]?.keys, [key("10.0.0.0/8")]);
});

test("an IPv6 route may carry a global and a link-local next hop", () => {
  const hops = "20010db8000000000000000000000001 fe800000000000000000000000000001";
  const message = readUpdateOf(
    update("", `80 0e 2e 0002 01 20 ${hops} 00 40 fd00000000000001 ${origin} ${emptyPath}`, ""),
  );
  const { attributes } = message.announced[0]!.set;
  assert.equal(attributes.nextHop, "2001:db8::1");
  assert.equal(attributes.linkLocalNextHop, "fe80::1");
  assert.equal(keyToCidr(message.announced[0]!.keys[0]!, "ipv6-unicast"), "fd00:0:0:1::/64");
});

test("bits beyond a prefix's length count nothing", () => {
  const message = readUpdateOf(update("", plain, "0b 0aff"));
  assert.deepEqual(message.announced[0]?.keys, [key("10.224.0.0/11")]);
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

test("equal attributes share one object, and a full table forgets", () => {
  const table = new AttributeTable(2);
  const readSet = (attributes: string) => {
    const message = readMessage(update("", attributes, "08 0a"), internal, table);
    assert.ok(message.type === "update");
    return message.announced[0]?.set;
  };
  assert.equal(readSet(plain), readSet(plain));
  for (let i = 10; i < 60; i++) readSet(`${plain} 80 04 04 000000${i}`);
  assert.ok(table.size <= 2);
});

/** Cuts the octets into pieces and gives the messages that come out. */
function frame(bytes: Uint8Array, cuts: readonly number[]): (Uint8Array | ReturnType<typeof notification>)[] {
  const framer = new Framer();
  const found = [];
  let from = 0;
  for (const to of [...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
    framer.push(bytes.subarray(from, to));
    from = to;
    for (let next = framer.next(); next !== undefined; next = framer.next()) {
      found.push(next);
      if (!(next instanceof Uint8Array)) return found;
    }
  }
  return found;
}

test("a stream gives the same messages wherever it is cut", () => {
  const messages = [writeKeepalive(), update("", plain, "08 0a"), writeEndOfRib("ipv6-unicast"), writeKeepalive()];
  const stream = Uint8Array.from(messages.flatMap((message) => [...message]));
  fc.assert(
    fc.property(fc.array(fc.nat(200), { maxLength: 12 }), (cuts) => {
      assert.deepEqual(frame(stream, cuts), messages);
    }),
  );
});

test("a bad header is answered as RFC 4271 section 6.1 says", () => {
  const marker = "ff".repeat(16);
  const cases: [name: string, text: string, code: string][] = [
    ["marker", `${"ff".repeat(15)}00 0013 04`, "1/1:"],
    ["too short", `${marker} 0012 04`, "1/2:0012"],
    ["too long", `${marker} 1001 02`, "1/2:1001"],
    ["KEEPALIVE with a body", `${marker} 0014 04 00`, "1/2:0014"],
    ["OPEN too short", `${marker} 001c 01`, "1/2:001c"],
    ["UPDATE too short", `${marker} 0016 02`, "1/2:0016"],
    ["type 0", `${marker} 0013 00`, "1/3:00"],
    ["type 9", `${marker} 0013 09`, "1/3:09"],
  ];
  for (const [name, text, wanted] of cases) {
    const found = frame(hex(text), [])[0];
    assert.ok(found !== undefined && !(found instanceof Uint8Array), name);
    assert.equal(`${found.code}/${found.subcode}:${toHex(found.data)}`, wanted, name);
  }
});

test("any octets behind a header are read without an exception", () => {
  const contexts = [internal, external, { ...internal, isFourOctetAs: false }];
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 3, 4, 5, 77), fc.uint8Array({ maxLength: 300 }), fc.nat(2), (type, body, i) => {
      read(writeMessage(type, body), contexts[i]);
      frame(body, []);
    }),
    { numRuns: 2000 },
  );
});

test("a true message with octets changed, cut or doubled is read without an exception", () => {
  const random = seededRandom(7);
  const reach = "80 0e 1e 0002 01 10 20010db8000000000000000000000001 00 40 fd00000000000001";
  const seeds = [
    update(
      "08 0a 10 0b00",
      `${plain} 80 04 04 00000001 c0 08 08 00000001 ffffff01 c0 10 08 0002000000000001`,
      "18 0a0000 20 0a000001",
    ),
    update(
      "",
      `${reach} ${origin} 40 02 0e 02 02 0000fc00 00000001 01 01 00000002 c0 20 0c 000000010000000200000003`,
      "",
    ),
    update("", "80 0f 0c 0002 01 40 fd00000000000001", ""),
    writeMessage(1, hex("04 fc00 005a 0a000001 14 02 12 01 04 0002 00 01 40 06 8078 0001 01 80 41 04 0000fc00")),
  ];
  const table = new AttributeTable(100);
  for (let run = 0; run < 20_000; run++) {
    const seed = seeds[run % seeds.length]!;
    const bytes = seed.slice();
    for (let change = 0; change <= run % 4; change++) {
      bytes[19 + Math.floor(random() * (bytes.length - 19))] = Math.floor(random() * 256);
    }
    const cut = random() < 0.2 ? bytes.subarray(0, 19 + Math.floor(random() * (bytes.length - 19))) : bytes;
    readMessage(cut, run % 2 === 0 ? internal : external, table);
  }
});
