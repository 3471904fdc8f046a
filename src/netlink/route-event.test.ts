import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { readMessages } from "../lib/index.ts";
import { type DumpRequest, encodeDumpRequest, isInterrupted, readAnswer, readRouteEvents } from "./index.ts";

/** What Linux 6.18 told a listener while `ip` made these. */
const vectors: readonly (readonly [command: string, datagram: string, event: unknown])[] = [
  [
    "ip route add 10.1.0.0/16 via 10.0.0.2 dev va proto 77 metric 5 table 300 src 10.0.0.1",
    "4c0000001800000651c7056b1300000002100000fc4d00010000000008000f002c010000080001000a0100000800060005000000080007000a000001080005000a0000020800040003000000",
    {
      type: "newRoute",
      route: {
        destination: "10.1.0.0/16",
        table: 300,
        protocol: 77,
        metric: 5,
        type: "unicast",
        scope: "universe",
        linkIndex: 3,
        gateway: "10.0.0.2",
        source: "10.0.0.1",
      },
      portId: 19,
    },
  ],
  [
    "ip route add 10.2.0.0/24 proto 77 nexthop via 10.0.0.2 dev va weight 2 nexthop via inet6 fe80::9 dev vb onlink",
    "600000001800000651c7056b1500000002180000fe4d00010000000008000f00fe000000080001000a020000340009001000000103000000080005000a0000022000040002000000160012000a00fe8000000000000000000000000000090000",
    {
      type: "newRoute",
      route: {
        destination: "10.2.0.0/24",
        table: 254,
        protocol: 77,
        metric: 0,
        type: "unicast",
        scope: "universe",
        nextHops: [
          { linkIndex: 3, gateway: "10.0.0.2", weight: 2 },
          { linkIndex: 2, gateway: "fe80::9", weight: 1, isOnlink: true },
        ],
      },
      portId: 21,
    },
  ],
  [
    "echo 0 > /proc/sys/net/ipv4/ip_forward",
    "240000005000000000000000000000000200000008000100ffffffff0800020000000000",
    { type: "newSettings", portId: 0 },
  ],
  [
    "ip -6 route add blackhole fd00:5::/48 proto 77",
    "740000001800000651c7056b170000000a300000fe4d00060000000008000f00fe00000014000100fd0000050000000000000000000000000800060000040000080004000100000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000",
    {
      type: "newRoute",
      route: {
        destination: "fd00:5::/48",
        table: 254,
        protocol: 77,
        metric: 1024,
        type: "blackhole",
        scope: "universe",
      },
      portId: 23,
    },
  ],
  [
    "ip route del 10.9.0.0/16, which was made with nhid 9",
    "780000001900000051c7056b2d00000002100000fe4d00010000000008000f00fe000000080001000a09000008001e0009000000440009002000040203000000160012000a00fe80000000000000000000000000000900002000000002000000160012000a00fe8000000000000000000000000000080000",
    {
      type: "delRoute",
      route: {
        destination: "10.9.0.0/16",
        table: 254,
        protocol: 77,
        metric: 0,
        type: "unicast",
        scope: "universe",
        nextHopId: 9,
      },
      portId: 45,
    },
  ],
  [
    "ip neigh replace 10.0.0.9 lladdr ee:ee:ee:ee:ee:ee dev va nud permanent protocol 77",
    "540000001c000000000000001b000000020000000300000080000001080001000a0000090a000200eeeeeeeeeeee00000800040000000000140003000000000000000000000000000100000005000c004d000000",
    {
      type: "newNeighbour",
      neighbour: { linkIndex: 3, address: "10.0.0.9", mac: "ee:ee:ee:ee:ee:ee", state: "permanent", protocol: 77 },
      portId: 27,
    },
  ],
  [
    "ip nexthop add id 7 via fe80::9 dev va protocol 77 onlink",
    "3c0000006800050651c7056b1d0000000afd4d00040000000800010007000000080005000300000014000600fe800000000000000000000000000009",
    {
      type: "newNextHop",
      nextHop: { id: 7, protocol: 77, version: 6, linkIndex: 3, gateway: "fe80::9", isOnlink: true },
      portId: 29,
    },
  ],
  [
    "ip nexthop add id 9 group 7,3/8 protocol 77",
    "440000006800050651c7056b2100000000004d000000000008000100090000000600030000000000140002000700000002000000080000000000000008000e0000000080",
    {
      type: "newNextHop",
      nextHop: {
        id: 9,
        protocol: 77,
        group: [
          { id: 7, weight: 3 },
          { id: 8, weight: 1 },
        ],
      },
      portId: 33,
    },
  ],
  [
    "ip addr add fe80::1/64 dev vb nodad",
    "480000001400000000000000000000000a4082fd0200000014000100fe80000000000000000000000000000114000600ffffffffffffffff8e6705008e6705000800080082000000",
    {
      type: "newAddress",
      address: { linkIndex: 2, address: "fe80::1", length: 64, scope: "link", isNoDad: true },
      portId: 0,
    },
  ],
  [
    "ip addr add 169.254.1.1/32 dev lo scope link",
    "4c0000001400000051c7056b27000000022080fd0100000008000100a9fe010108000200a9fe0101070003006c6f0000080008008000000014000600ffffffffffffffff8e6705008e670500",
    {
      type: "newAddress",
      address: { linkIndex: 1, address: "169.254.1.1", length: 32, scope: "link" },
      portId: 39,
    },
  ],
];

for (const [command, datagram, event] of vectors) {
  test(`reads what the kernel tells of: ${command}`, () => {
    assert.deepEqual(readRouteEvents(Buffer.from(datagram, "hex")), [event]);
  });
}

test("passes over entries of a bridge's forwarding table", () => {
  const datagram =
    "4c0000001c00000000000000000000000700000004000000800000000a0002006292ae7d59080000080009000400000008000f00000000001400030000000000000000000000000000000000";
  assert.deepEqual(readRouteEvents(Buffer.from(datagram, "hex")), []);
});

test("any octets decode without a throw", () => {
  const kinds = fc.constantFrom(16, 17, 20, 21, 24, 25, 28, 29, 104, 105, 2, 3);
  const family = fc.constantFrom(0, 2, 10, 7);
  const datagram = fc.tuple(kinds, family, fc.uint8Array({ maxLength: 120 })).map(([type, family, rest]) => {
    const bytes = new Uint8Array(17 + rest.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, bytes.length, true);
    view.setUint16(4, type, true);
    view.setUint16(6, 0x300, true);
    bytes[16] = family;
    bytes.set(rest, 17);
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(datagram, fc.uint8Array({ maxLength: 100 })), (bytes) => {
      readRouteEvents(bytes);
      for (const message of readMessages(bytes)) readAnswer(message);
    }),
    { numRuns: 1000 },
  );
});

test("a vector with any octet changed decodes without a throw", () => {
  fc.assert(
    fc.property(fc.constantFrom(...vectors), fc.nat(), fc.nat(255), ([, text], place, value) => {
      const bytes = Buffer.from(text, "hex");
      bytes[16 + (place % (bytes.length - 16))] = value;
      readRouteEvents(bytes);
    }),
    { numRuns: 2000 },
  );
});

test("reads the number and the text of a refusal, capped or not", () => {
  const [, refusal] = ["text", Buffer.from("4e657874686f7020696420646f6573206e6f7420657869737400", "hex")] as const;
  const attribute = Buffer.concat([Buffer.from([4 + refusal.length, 0, 1, 0]), refusal]);
  const errno = Buffer.from("eaffffff", "hex");
  const request = Buffer.from("1c000000180005050100000000000000" + "0a".repeat(12), "hex");
  const base = { type: 2, sequence: 1 };
  const text = "Nexthop id does not exist";
  assert.deepEqual(
    readAnswer({ ...base, flags: 0x300, body: Buffer.concat([errno, request.subarray(0, 16), attribute]) }),
    { errno: 22, text },
  );
  assert.deepEqual(readAnswer({ ...base, flags: 0x200, body: Buffer.concat([errno, request, attribute]) }), {
    errno: 22,
    text,
  });
  assert.deepEqual(readAnswer({ ...base, type: 3, flags: 2, body: Buffer.alloc(4) }), { errno: 0, text: "" });
  assert.equal(readAnswer({ ...base, type: 24, flags: 0, body: Buffer.alloc(4) }), undefined);
  assert.equal(isInterrupted({ ...base, flags: 0x12, body: Buffer.alloc(4) }), true);
});

test("a dump asks for one version and table of routes", () => {
  const hex = (request: DumpRequest) => Buffer.from(encodeDumpRequest(request, 7)).toString("hex");
  assert.equal(
    hex({ type: "routes", version: 6, table: 300 }),
    "240000001a00010307000000000000000a000000000000000000000008000f002c010000",
  );
  assert.equal(hex({ type: "nextHops" }), "180000006a00010307000000000000000000000000000000");
});
