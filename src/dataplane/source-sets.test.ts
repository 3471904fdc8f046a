import assert from "node:assert/strict";
import { test } from "node:test";
import { interfaceAddressElement } from "../nft/index.ts";
import { SourceSets } from "./source-sets.ts";
import { address } from "./testing/cluster.ts";

const [a4, b4, a6] = [address("10.0.0.1"), address("10.0.0.2"), address("fd00::1")];
const keysOf = (sets: SourceSets) => sets.nftSets().map(({ elements }) => elements.map(({ key }) => key));
const key = (name: string, of: typeof a4) => interfaceAddressElement(name, of).key;

test("each interface has the sources of its workload, of both versions", () => {
  const sets = new SourceSets();
  sets.put({ interfaceName: "tt1", addresses: [a4, a6] });
  sets.put({ interfaceName: "tt2", addresses: [b4] });
  assert.deepEqual(keysOf(sets), [[key("tt1", a4), key("tt2", b4)], [key("tt1", a6)]]);
  sets.delete({ interfaceName: "tt1", addresses: [a4, a6] });
  assert.deepEqual(keysOf(sets), [[key("tt2", b4)], []]);
});

test("an address that two interfaces claim is nobody's until one of them gives it up", () => {
  const sets = new SourceSets();
  sets.put({ interfaceName: "tt1", addresses: [a4] });
  sets.put({ interfaceName: "tt2", addresses: [a4] });
  assert.deepEqual(keysOf(sets), [[], []]);
  sets.delete({ interfaceName: "tt1", addresses: [a4] });
  assert.deepEqual(keysOf(sets), [[key("tt2", a4)], []]);
  sets.delete({ interfaceName: "tt2", addresses: [a4] });
  sets.delete({ interfaceName: "tt2", addresses: [a4] });
  assert.deepEqual(keysOf(sets), [[], []]);
});
