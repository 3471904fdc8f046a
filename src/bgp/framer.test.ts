import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Framer } from "./framer.ts";
import { writeKeepalive, writeMessage, writeNotification, writeRouteRefresh } from "./message.ts";
import { type Notification, notification } from "./notification.ts";
import { plain, update } from "./testing/messages.ts";
import { hex, join, toHex } from "./testing/octets.ts";

type Found = Uint8Array | Notification;

/** Cuts the octets into pieces and gives the messages that come out. */
function frame(bytes: Uint8Array, cuts: readonly number[], framer = new Framer()): Found[] {
  const found: Found[] = [];
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

function extended(): Framer {
  const framer = new Framer();
  framer.maxBytes = 65535;
  return framer;
}

const messages = [
  writeKeepalive(),
  update("", plain, "08 0a"),
  writeRouteRefresh("ipv6-unicast"),
  writeNotification(notification(6, 2)),
  writeMessage(2, new Uint8Array(3000)),
  writeKeepalive(),
];
const stream = join(...messages);

test("a stream gives the same messages wherever it is cut", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (cuts) => {
      assert.deepEqual(frame(stream, cuts), messages);
    }),
  );
});

test("a stream that comes one octet at a time gives its messages, the longest too", () => {
  const longest = writeMessage(2, new Uint8Array(65535 - 19).fill(7));
  const whole = join(longest, writeKeepalive(), longest);
  const found = frame(whole, [...whole.keys()], extended());
  assert.deepEqual(
    found.map((one) => (one instanceof Uint8Array ? one.length : one)),
    [65535, 19, 65535],
  );
  assert.deepEqual(found[2], longest);
});

test("chunks that come before the last one was taken apart lose nothing", () => {
  const framer = new Framer();
  for (let from = 0; from < stream.length; from += 7) framer.push(stream.subarray(from, from + 7));
  const found: (Found | undefined)[] = [];
  for (let next = framer.next(); next !== undefined; next = framer.next()) found.push(next);
  assert.deepEqual(found, messages);
});

test("a message within one chunk is a view of it, and what waits for its rest holds no chunk", () => {
  const chunk = Uint8Array.of(...writeKeepalive(), ...writeKeepalive().subarray(0, 10));
  const framer = new Framer();
  framer.push(chunk);
  const first = framer.next();
  assert.ok(first instanceof Uint8Array && first.buffer === chunk.buffer);
  assert.equal(framer.next(), undefined);
  chunk.fill(0);
  framer.push(writeKeepalive().subarray(10));
  assert.deepEqual(framer.next(), writeKeepalive());
});

test("a bad header is answered as RFC 4271 section 6.1 says, also when it comes in pieces", () => {
  const marker = "ff".repeat(16);
  const cases: [name: string, text: string, code: string][] = [
    ["first octet of the marker", `00${"ff".repeat(15)} 0013 04`, "1/1:"],
    ["last octet of the marker", `${"ff".repeat(15)}00 0013 04`, "1/1:"],
    ["too short", `${marker} 0012 04`, "1/2:0012"],
    ["length 0", `${marker} 0000 02`, "1/2:0000"],
    ["too long", `${marker} 1001 02`, "1/2:1001"],
    ["KEEPALIVE with a body", `${marker} 0014 04 00`, "1/2:0014"],
    ["OPEN too short", `${marker} 001c 01`, "1/2:001c"],
    ["UPDATE too short", `${marker} 0016 02`, "1/2:0016"],
    ["NOTIFICATION too short", `${marker} 0014 03`, "1/2:0014"],
    ["ROUTE-REFRESH too short", `${marker} 0016 05`, "1/2:0016"],
    ["type 0", `${marker} 0013 00`, "1/3:00"],
    ["type 6", `${marker} 0013 06`, "1/3:06"],
    ["type 255", `${marker} 0013 ff`, "1/3:ff"],
  ];
  for (const [name, text, wanted] of cases) {
    for (const cuts of [[], [1], [5, 17], [18]]) {
      const found = frame(hex(text), cuts)[0];
      assert.ok(found !== undefined && !(found instanceof Uint8Array), name);
      assert.equal(`${found.code}/${found.subcode}:${toHex(found.data)}`, wanted, name);
    }
  }
});

test("RFC 8654 lets messages be longer than 4,096 octets once it is agreed on, but neither OPEN nor KEEPALIVE", () => {
  const length = (size: number) => [size >> 8, size & 255];
  const header = (type: number, size: number) => Uint8Array.of(...new Uint8Array(16).fill(0xff), ...length(size), type);
  const isRefused = (bytes: Uint8Array, framer: Framer) => frame(bytes, [], framer).some((one) => "code" in one);
  for (const type of [2, 3, 5]) {
    assert.equal(isRefused(header(type, 4096), new Framer()), false);
    assert.equal(isRefused(header(type, 4097), new Framer()), true);
    assert.equal(isRefused(header(type, 65535), extended()), false);
  }
  assert.equal(isRefused(header(1, 4096), extended()), false);
  assert.equal(isRefused(header(1, 4097), extended()), true);
});

test("any octets in any pieces are framed without an exception", () => {
  const marker = new Uint8Array(16).fill(0xff);
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(fc.nat(80), fc.nat(6)).map(([size, type]) => Uint8Array.of(...marker, 0, size, type)),
  );
  fc.assert(
    fc.property(fc.array(piece), fc.array(fc.nat(500)), (pieces, cuts) => {
      frame(Uint8Array.from(pieces.flatMap((one) => [...one])), cuts);
    }),
  );
});
