import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Family, allFamilies } from "./config.ts";
import { writeMessage, writeOpenMessage } from "./message.ts";
import { type Open, writeOpenBody } from "./open.ts";
import { makeOwnOpen } from "./own-open.ts";
import { openOf, read } from "./testing/messages.ts";
import { address, peerAt } from "./testing/values.ts";
import { hex, toHex } from "./testing/octets.ts";

/** With the prototype of what they are compared with. */
const plainObjects = { noNullPrototype: true } as const;
const head = "04 fc00 005a 0a000001";

/** An OPEN with these capabilities in one parameter. */
function openWith(capabilities: string): Open {
  const octets = hex(capabilities);
  const message = read(writeMessage(1, Uint8Array.of(...hex(head), octets.length + 2, 2, octets.length, ...octets)));
  assert.ok(message.type === "open", JSON.stringify(message));
  return message.open;
}

function faultOf(body: string): string {
  const message = read(writeMessage(1, hex(body)));
  return message.type === "fault"
    ? `${message.fault.code}/${message.fault.subcode}:${toHex(message.fault.data)}`
    : "ok";
}

const family = fc.constantFrom<Family>(...allFamilies);
const perFamily = <T extends { readonly family: Family }>(one: fc.Arbitrary<T>) =>
  fc.uniqueArray(one, { selector: (value) => value.family });

test("OPEN survives the way to octets and back", () => {
  const restart = fc.record(
    {
      isRestarting: fc.boolean(),
      hasNotifications: fc.boolean(),
      restartTimeSeconds: fc.nat(4095),
      families: perFamily(fc.record({ family, isForwarding: fc.boolean() }, plainObjects)),
    },
    plainObjects,
  );
  const longLived = perFamily(
    fc.record({ family, isForwarding: fc.boolean(), staleTimeSeconds: fc.nat(0xffffff) }, plainObjects),
  );
  const offers = perFamily(fc.record({ family, canSend: fc.boolean(), canReceive: fc.boolean() }, plainObjects)).map(
    (list) => list.filter(({ canSend, canReceive }) => canSend || canReceive),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 0xffffffff }),
      fc.constantFrom(0, 3, 90, 65535),
      fc.uniqueArray(family, { minLength: 1 }),
      fc.option(restart, { nil: undefined }),
      fc.option(longLived, { nil: undefined }),
      offers,
      fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()),
      (asNumber, holdTimeSeconds, families, gracefulRestart, longLivedRestart, addPath, flags) => {
        const open: Open = {
          asNumber,
          holdTimeSeconds,
          routerId: address("192.0.2.1"),
          families,
          canRefresh: flags[0],
          hasFourOctetAs: true,
          hasExtendedMessages: flags[1],
          hasEnhancedRefresh: flags[2],
          hasExtendedNextHop: flags[3],
          addPath,
          ...(gracefulRestart === undefined ? {} : { gracefulRestart }),
          ...(longLivedRestart === undefined ? {} : { longLivedRestart }),
        };
        assert.deepEqual(read(writeOpenMessage(open)), { type: "open", open });
      },
    ),
  );
});

test("an OPEN as another speaker sends it is understood, and what is unknown in it is passed over", () => {
  // Capabilities in parameters of their own; AS_TRANS with the true AS beside; one that nobody knows.
  const body = hex(`04 5ba0 005a 0a000001 26
    02 06 01 04 0001 00 01  02 02 02 00  02 06 41 04 fffe0001  02 06 45 04 0001 01 03  02 02 c8 00
    02 04 40 02 c0 78`);
  assert.deepEqual(read(writeMessage(1, body)), {
    type: "open",
    open: openOf({
      asNumber: 0xfffe0001,
      routerId: address("10.0.0.1"),
      families: ["ipv4-unicast"],
      hasExtendedMessages: false,
      hasEnhancedRefresh: false,
      addPath: [{ family: "ipv4-unicast", canSend: true, canReceive: true }],
      gracefulRestart: { isRestarting: true, hasNotifications: true, restartTimeSeconds: 120, families: [] },
    }),
  });
});

test("each capability has the octets that its RFC draws", () => {
  const cases: [name: string, octets: string, more: Partial<Open>][] = [
    ["8950", "05 06 0001 0001 0002", { hasExtendedNextHop: true }],
    ["8950, another next hop", "05 06 0001 0001 0001", {}],
    ["8950, another family", "05 0c 0001 0004 0002 0002 0001 0002", {}],
    [
      "7911",
      "45 08 0001 01 01 0002 01 02",
      {
        addPath: [
          { family: "ipv4-unicast", canSend: false, canReceive: true },
          { family: "ipv6-unicast", canSend: true, canReceive: false },
        ],
      },
    ],
    ["7911, values that are none", "45 08 0001 01 04 0002 01 00", { addPath: [] }],
    ["7911, families that are not ours", "45 04 0001 80 03", { addPath: [] }],
    ["7313", "46 00", { hasEnhancedRefresh: true }],
    [
      "9494",
      "47 07 0002 01 80 012345",
      {
        longLivedRestart: [{ family: "ipv6-unicast", isForwarding: true, staleTimeSeconds: 0x012345 }],
      },
    ],
    [
      "8538",
      "40 06 4001 0001 01 80",
      {
        gracefulRestart: {
          isRestarting: false,
          hasNotifications: true,
          restartTimeSeconds: 1,
          families: [{ family: "ipv4-unicast", isForwarding: true }],
        },
      },
    ],
  ];
  const none = openOf({
    routerId: address("10.0.0.1"),
    families: ["ipv4-unicast"],
    canRefresh: false,
    hasFourOctetAs: false,
    hasExtendedMessages: false,
    hasEnhancedRefresh: false,
  });
  for (const [name, octets, more] of cases) assert.deepEqual(openWith(octets), { ...none, ...more }, name);
});

test("of a capability that comes again each family is taken, and the last word otherwise (RFC 5492, RFC 4724)", () => {
  assert.deepEqual(openWith("0104 0002 0001 0104 0001 0001 0104 0002 0001").families, ["ipv6-unicast", "ipv4-unicast"]);
  assert.equal(openWith("4002 0001 4002 0002").gracefulRestart?.restartTimeSeconds, 2);
  assert.equal(openWith("4104 00000001 4104 00000002").asNumber, 2);
  assert.equal(openWith("0200 0200").canRefresh, true);
});

test("a speaker that names no family speaks IPv4 unicast, one that names others only, none of ours", () => {
  assert.deepEqual(openWith("0200").families, ["ipv4-unicast"]);
  assert.deepEqual(openWith("0104 0001 0080").families, []);
});

test("a capability of the wrong length makes an OPEN malformed, an unknown one does not", () => {
  const wrong = [
    "0103 000100",
    "0105 0001000100",
    "0201 00",
    "0505 0001000100",
    "0601 00",
    "4001 00",
    "4003 007800",
    "4102 0001",
    "4105 0000000100",
    "4503 000101",
    "4601 00",
    "4706 000101800001",
  ];
  for (const capability of wrong) assert.throws(() => openWith(capability), /"code":2,"subcode":0/, capability);
  for (const capability of ["4002 0078", "4006 0078 00010100", "4500", "4700", "0500", "ff03 010203", "4901 61"]) {
    openWith(capability);
  }
});

test("long optional parameters of RFC 9072 are read, and written when they are needed", () => {
  assert.deepEqual(read(writeMessage(1, hex(`${head} ff ff 0009 02 0006 01 04 0002 00 01`))), {
    type: "open",
    open: { ...openWith("01 04 0002 0001") },
  });
  // The length octet before says 255 in the RFC, but any other than 0 is to be taken.
  assert.equal(faultOf(`${head} 01 ff 0009 02 0006 01 04 0002 00 01`), "ok");
  for (const count of [28, 29]) {
    const capabilities = Array.from({ length: count }, (_, i) => ({ code: 200 + (i % 8), value: new Uint8Array(7) }));
    const fields = { version: 4, asNumber: 64512, holdTimeSeconds: 90, routerId: hex("0a000001") };
    const body = writeOpenBody(fields, [capabilities]);
    assert.equal(body[9] === 255 && body[10] === 255, count * 9 + 2 > 255);
    assert.equal(read(writeMessage(1, body)).type, "open");
  }
});

test("a bad OPEN is answered with the subcode that RFC 4271 section 6.2 gives it", () => {
  const cases: [name: string, body: string, wanted: string][] = [
    ["version 3", "03 fc00 005a 0a000001 00", "2/1:0004"],
    ["version 5", "05 fc00 005a 0a000001 00", "2/1:0004"],
    ["AS 0", "04 0000 005a 0a000001 00", "2/2:"],
    ["AS 0 in the capability", "04 fc00 005a 0a000001 08 02 06 41 04 00000000", "2/2:"],
    ["identifier 0", "04 fc00 005a 00000000 00", "2/3:"],
    ["a multicast identifier is as good as any (RFC 6286)", "04 fc00 005a e0000001 00", "ok"],
    ["authentication", "04 fc00 005a 0a000001 03 01 01 00", "2/4:01"],
    ["hold time 1", "04 fc00 0001 0a000001 00", "2/6:"],
    ["hold time 2", "04 fc00 0002 0a000001 00", "2/6:"],
    ["hold time 3", "04 fc00 0003 0a000001 00", "ok"],
    ["hold time 0", "04 fc00 0000 0a000001 00", "ok"],
    ["parameters cut", "04 fc00 005a 0a000001 05 02 06 01 04 00", "2/0:"],
    ["parameters too long", "04 fc00 005a 0a000001 00 02 00", "2/0:"],
    ["a parameter without a length", "04 fc00 005a 0a000001 01 02", "2/0:"],
    ["capability cut", "04 fc00 005a 0a000001 04 02 02 01 04", "2/0:"],
    ["long form cut", "04 fc00 005a 0a000001 ff ff 00", "2/0:"],
    ["an empty parameter", "04 fc00 005a 0a000001 02 02 00", "ok"],
  ];
  for (const [name, body, wanted] of cases) assert.equal(faultOf(body), wanted, name);
});

test("what we offer follows from the configuration of the peer", () => {
  const speaker = {
    localAs: 4200000000,
    routerId: address("192.0.2.1"),
    listenPort: 179,
    restartTimeSeconds: 120,
    exportWithin: "all" as const,
    peers: [],
  };
  const state = { isRestarting: false, isForwarding: true };
  const plainOffer = makeOwnOpen(speaker, peerAt("192.0.2.2"), state);
  assert.deepEqual(plainOffer, {
    ...openOf({ asNumber: 4200000000, families: ["ipv4-unicast"] }),
    gracefulRestart: {
      isRestarting: false,
      hasNotifications: true,
      restartTimeSeconds: 120,
      families: [{ family: "ipv4-unicast", isForwarding: true }],
    },
  });
  const rich = makeOwnOpen(
    speaker,
    peerAt("192.0.2.2", {
      localAs: 65001,
      holdTimeSeconds: 9,
      families: allFamilies,
      restartTimeSeconds: 0,
      longLivedStaleSeconds: 3600,
      hasExtendedNextHop: true,
      addPath: { canSend: true, canReceive: false, maxSent: 4 },
    }),
    { isRestarting: true, isForwarding: false },
  );
  assert.equal(rich.asNumber, 65001);
  assert.equal(rich.holdTimeSeconds, 9);
  assert.ok(rich.hasExtendedNextHop);
  assert.deepEqual(
    rich.addPath,
    allFamilies.map((one) => ({ family: one, canSend: true, canReceive: false })),
  );
  assert.equal(rich.gracefulRestart?.restartTimeSeconds, 0);
  assert.equal(rich.gracefulRestart?.isRestarting, true);
  assert.deepEqual(rich.longLivedRestart?.[1], {
    family: "ipv6-unicast",
    isForwarding: false,
    staleTimeSeconds: 3600,
  });
  // There are no IPv4 prefixes to give IPv6 next hops.
  const sixOnly = peerAt("2001:db8::2", { hasExtendedNextHop: true });
  assert.equal(makeOwnOpen(speaker, sixOnly, state).hasExtendedNextHop, false);
});

test("any octets as the body of an OPEN give an OPEN or a fault", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (octets, isWellBegun) => {
      const body = isWellBegun ? Uint8Array.of(...hex(head), octets.length, ...octets) : octets;
      assert.match(read(writeMessage(1, body)).type, /^(open|fault)$/);
    }),
    { numRuns: 2000 },
  );
});
