import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addressFromBigInt,
  addressFromBytes,
  addressToBigInt,
  addressToBytes,
  addressVersion,
  compareAddresses,
  isAddress,
  parseAddress,
  writeAddress,
} from "./address.ts";

test("addresses are read and written in their canonical form", () => {
  const cases: [text: string, canonical: string | undefined][] = [
    ["10.65.0.1", "10.65.0.1"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["256.0.0.1", undefined],
    ["10.65.0", undefined],
    ["10.65.0.1.2", undefined],
    ["10.065.0.1", undefined],
    ["10..0.1", undefined],
    ["", undefined],
    ["10.65.0.1/32", undefined],
    ["::", "::"],
    ["::1", "::1"],
    ["FD00:65:0:0:0:0:0:A", "fd00:65::a"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["64:ff9b::10.0.0.1", "64:ff9b::a00:1"],
    ["1::2::3", undefined],
    ["1:2:3:4:5:6:7:8:9", undefined],
    ["1:2:3:4:5:6:7", undefined],
    [":1", undefined],
    ["12345::", undefined],
    ["fe80::1%eth0", undefined],
    ["10.0.0.1::", undefined],
  ];
  for (const [text, canonical] of cases) assert.equal(parseAddress(text), canonical, text);
});

test("any text gives an address or nothing, and canonical text parses to itself", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
      const address = parseAddress(text);
      if (address === undefined) return;
      assert.ok(isAddress(address));
      assert.equal(addressFromBytes(addressToBytes(address)), address);
      for (const written of [address, `${address}/0`]) {
        const octets = addressToBytes(address);
        const bytes = new Uint8Array(octets.length + 4).fill(7);
        writeAddress(written, bytes, 2);
        assert.deepEqual(bytes, Uint8Array.of(7, 7, ...octets, 7, 7));
      }
      assert.equal(addressFromBigInt(addressToBigInt(address), addressVersion(address)), address);
    }),
  );
});

test("addresses order by version, then by value", () => {
  const shuffled = ["fd00::2", "10.0.0.10", "fd00::1", "10.0.0.9"].map((text) => parseAddress(text)!);
  assert.deepEqual(shuffled.toSorted(compareAddresses), ["10.0.0.9", "10.0.0.10", "fd00::1", "fd00::2"]);
});
