import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { NetlinkWriter, parseAddress, parseCidr, readMessages } from "../lib/index.ts";
import { type RouteChange, readRouteEvents, writeChanges } from "./index.ts";
import { anyAddress, anyLinkSettings, anyNeighbour, anyNextHop, anyRoute } from "./testing/arbitraries.ts";

function encodeChanges(changes: readonly RouteChange[], firstSequence: number): Uint8Array {
  const writer = new NetlinkWriter();
  writeChanges(writer, changes, firstSequence);
  return writer.bytes();
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("a route, address, neighbour or next hop that is put reads back as it was", () => {
  fc.assert(
    fc.property(anyRoute, anyAddress, anyNeighbour, anyNextHop, (route, address, neighbour, nextHop) => {
      const changes: RouteChange[] = [
        { type: "putRoute", route },
        { type: "putAddress", address },
        { type: "putNeighbour", neighbour },
        { type: "putNextHop", nextHop },
        { type: "deleteAddress", address },
        { type: "deleteNeighbour", neighbour },
      ];
      assert.deepEqual(readRouteEvents(encodeChanges(changes, 1)), [
        { type: "newRoute", route, portId: 0 },
        { type: "newAddress", address, portId: 0 },
        { type: "newNeighbour", neighbour, portId: 0 },
        { type: "newNextHop", nextHop, portId: 0 },
        { type: "delAddress", address, portId: 0 },
        { type: "delNeighbour", neighbour, portId: 0 },
      ]);
    }),
  );
});

test("a deletion names the key, the protocol and the type of a route, but neither its scope nor its way", () => {
  fc.assert(
    fc.property(anyRoute, (route) => {
      const [event] = readRouteEvents(encodeChanges([{ type: "deleteRoute", route }], 1));
      const { destination, table, protocol, metric, type } = route;
      assert.deepEqual(event, {
        type: "delRoute",
        route: {
          destination,
          table,
          protocol,
          metric,
          type,
          scope: "nowhere",
          ...(route.isOnlink === true ? { isOnlink: true } : {}),
        },
        portId: 0,
      });
    }),
  );
});

test("settings of a link read back as they were", () => {
  fc.assert(
    fc.property(anyLinkSettings, (settings) => {
      const [event] = readRouteEvents(encodeChanges([{ type: "setLink", ...settings }], 1));
      assert.deepEqual(event, { type: "newLink", link: { ...settings, isRunning: false }, portId: 0 });
    }),
  );
});

test("changes are numbered one by one and only the last message asks for an acknowledgement", () => {
  const changes: RouteChange[] = [
    { type: "deleteLink", index: 1 },
    { type: "setLink", index: 2, addrGenMode: "none", isUp: true },
    { type: "createBridge", name: "br0" },
    { type: "setLink", index: 2, addrGenMode: "none", isUp: true },
  ];
  assert.deepEqual(
    readMessages(encodeChanges(changes, 10)).map(({ sequence, flags }) => [sequence, (flags & 4) !== 0]),
    [
      [10, false],
      [11, false],
      [11, false],
      [12, false],
      [13, false],
      [13, true],
    ],
  );
});

test("an exclusive route is made only, another is made or replaced", () => {
  const route = fc.sample(anyRoute, 1)[0]!;
  const flags = (change: RouteChange) => readMessages(encodeChanges([change], 1))[0]!.flags;
  assert.equal(flags({ type: "putRoute", route, isExclusive: true }), 0x605);
  assert.equal(flags({ type: "putRoute", route }), 0x505);
});

test("writes the octets that iproute2 writes for an ECMP route with an IPv6 gateway", () => {
  const bytes = encodeChanges(
    [
      {
        type: "putRoute",
        route: {
          destination: parseCidr("10.2.0.0/24")!,
          table: 254,
          protocol: 77,
          metric: 0,
          type: "unicast",
          scope: "universe",
          nextHops: [
            { linkIndex: 3, gateway: parseAddress("10.0.0.2")!, weight: 2 },
            { linkIndex: 2, gateway: parseAddress("fe80::9")!, weight: 1, isOnlink: true },
          ],
        },
      },
    ],
    0x6b05c734,
  );
  // iproute2 leaves out the nested flag, 0x8000 in the type of RTA_MULTIPATH.
  assert.equal(
    hex(bytes).replace("34000980", "34000900"),
    "580000001800050534c7056b00000000" +
      "02180000fe4d000100000000080001000a020000" +
      "34000900100000010300000008000500" +
      "0a0000022000040002000000160012000a00fe800000000000000000000000000009" +
      "0000",
  );
});

test("a pair of links is one message, with the peer's namespace in it", () => {
  const bytes = encodeChanges(
    [{ type: "createVeth", name: "va", mac: "ee:ee:ee:ee:ee:ee", mtu: 1400, peer: { name: "eth0", netnsFd: 9 } }],
    1,
  );
  assert.equal(
    hex(bytes),
    "80000000100005060100000000000000" +
      "00000000000000000000000000000000" +
      "0700030076610000" +
      "0a000100eeeeeeeeeeee0000" +
      "0800040078050000" +
      "44001280" +
      "090001007665746800000000" +
      "34000280" +
      "30000180" +
      "00000000000000000000000000000000" +
      "0900030065746830" +
      "00000000" +
      "0800040078050000" +
      "08001c0009000000",
  );
});
