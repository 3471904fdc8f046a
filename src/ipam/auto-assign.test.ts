import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cidr, addressVersion, cidrContains } from "../lib/index.ts";
import { type IPAMConfigurationSpec, blockAffinityName, cidrToName, decodeResource } from "../resources/index.ts";
import { assignForHandle } from "./assign-for-handle.ts";
import { autoAssign } from "./auto-assign.ts";
import { claimBlock } from "./claim-block.ts";
import { listHeldAddresses } from "./held-addresses.ts";
import { releaseAddresses, releaseByHandle } from "./release.ts";
import { releaseBlockAffinity, releaseHostAffinities } from "./release-affinity.ts";
import { ask, cidr, makeApi, pool, startMs } from "./testing/objects.ts";
import { type SimulatedApi, checkAtRest } from "./testing/simulated-api.ts";

function configure(api: SimulatedApi, spec: IPAMConfigurationSpec): void {
  api.put({ apiVersion: "projectcalico.org/v3", kind: "IPAMConfiguration", metadata: { name: "default" }, spec });
}

function blocksOfHost(api: SimulatedApi, name: string): Cidr[] {
  return api
    .all("BlockAffinity")
    .flatMap(({ spec }) => (spec.node === name && spec.state === "confirmed" ? [spec.cidr] : []));
}

test("the first address of a host is the first of a block that it then owns", () => {
  const api = makeApi([pool("p", "10.65.0.0/16"), pool("q", "fd00:65::/48")], ["n1"]);
  const { addresses, problems, notes } = api.run(autoAssign(ask("n1", "w1", { num4: 2, num6: 1 })));
  assert.deepEqual([problems, notes], [[], []]);
  assert.deepEqual(addresses.map(addressVersion), [4, 4, 6]);
  const owned = blocksOfHost(api, "n1");
  assert.equal(owned.length, 2);
  for (const address of addresses) assert.ok(owned.some((block) => cidrContains(block, address)));
  assert.match(addresses[0]!, /\.(0|64|128|192)$/);
  const held = api.run(listHeldAddresses("w1"));
  assert.deepEqual(
    held.map((one) => one.address),
    addresses,
  );
  checkAtRest(api, true);
});

test("what is written is as the API reads it", () => {
  const api = makeApi([pool("p", "10.65.0.0/16"), pool("q", "fd00:65::/48")], ["n1"]);
  api.run(autoAssign(ask("n1", "Net/W1", { num4: 2, num6: 1 })));
  for (const kind of ["BlockAffinity", "IPAMBlock", "IPAMHandle"] as const) {
    for (const written of api.all(kind)) {
      assert.deepEqual(decodeResource(JSON.parse(JSON.stringify(written))), { ok: true, value: written });
    }
  }
});

test("a pool of two small blocks serves two hosts one block each, and a third host none", () => {
  const api = makeApi([pool("p", "10.0.0.0/29", { blockSize: 30 })], ["a", "b", "c"]);
  for (const name of ["a", "b"]) {
    assert.equal(api.run(autoAssign(ask(name, `${name}1`, { num4: 4 }))).addresses.length, 4);
  }
  const { addresses, problems, notes } = api.run(autoAssign(ask("c", "c1")));
  assert.deepEqual([addresses, problems], [[], []]);
  assert.deepEqual(notes, [{ pool: "p", cidr: "10.0.0.0/29", why: "has no free block for this node" }]);
  assert.equal(api.all("BlockAffinity").length, 2);
});

test("one host fills a pool whose blocks are single addresses", () => {
  const api = makeApi([pool("p", "10.0.0.0/28", { blockSize: 32 })], ["a"]);
  const { addresses } = api.run(autoAssign(ask("a", "w", { num4: 20 })));
  assert.equal(new Set(addresses).size, 16);
});

test("the smaller block limit holds and is a problem, beside the addresses that were found", () => {
  const cases: [request: number | undefined, configured: number | undefined, blocks: number][] = [
    [1, undefined, 1],
    [undefined, 2, 2],
    [3, 2, 2],
    [1, 2, 1],
    [0, 0, 20],
    [undefined, undefined, 20],
  ];
  for (const [maxBlocks, maxBlocksPerHost, blocks] of cases) {
    const api = makeApi([pool("p", "10.0.0.0/20", { blockSize: 30 })], ["a"]);
    if (maxBlocksPerHost !== undefined) configure(api, { maxBlocksPerHost });
    const { addresses, problems } = api.run(
      autoAssign(ask("a", "w", { num4: 100, ...(maxBlocks !== undefined && { maxBlocks }) })),
    );
    assert.equal(addresses.length, blocks * 4);
    assert.match(problems[0]!.message, new RegExp(`limit of ${blocks} IPv4 blocks`));
    checkAtRest(api, true);
  }
});

test("a host at its limit goes on to use the blocks it owns", () => {
  const api = makeApi([pool("p", "10.0.0.0/20", { blockSize: 30 })], ["a"]);
  api.run(autoAssign(ask("a", "w1", { num4: 8 })));
  api.run(releaseByHandle("w1"));
  const { addresses, problems } = api.run(autoAssign(ask("a", "w2", { num4: 8, maxBlocks: 1 })));
  assert.deepEqual([addresses.length, problems], [8, []]);
});

test("no block is claimed when the configuration forbids it", () => {
  const api = makeApi([pool("p", "10.0.0.0/24")], ["a"]);
  configure(api, { strictAffinity: true, autoAllocateBlocks: false });
  assert.match(api.run(autoAssign(ask("a", "w"))).problems[0]!.message, /may claim no more/);
  assert.equal(api.all("IPAMBlock").length, 0);
});

test("a released address is the last to be given again", () => {
  const api = makeApi([pool("p", "10.0.0.0/30", { blockSize: 30 })], ["a"]);
  const given = (handle: string) => api.run(autoAssign(ask("a", handle))).addresses[0];
  assert.equal(given("w0"), "10.0.0.0");
  assert.equal(given("w1"), "10.0.0.1");
  api.run(releaseByHandle("w0"));
  assert.deepEqual(["x", "y", "z"].map(given), ["10.0.0.2", "10.0.0.3", "10.0.0.0"]);
});

test("addresses of equal handle and attributes share one entry in the block", () => {
  const api = makeApi([pool("p", "10.0.0.0/26")], ["a"]);
  for (const handle of ["w", "w", "v"]) api.run(autoAssign(ask("a", handle)));
  api.run(autoAssign(ask("a", "w", { attributes: { node: "a", kind: "other" } })));
  const { allocations, attributes } = api.find("IPAMBlock", "10-0-0-0-26")!.spec;
  assert.deepEqual(allocations.slice(0, 5), [0, 0, 1, 2, null]);
  assert.equal(attributes.length, 3);
  api.run(releaseAddresses([{ address: "10.0.0.2" as never }]));
  assert.deepEqual(api.find("IPAMBlock", "10-0-0-0-26")!.spec.allocations.slice(0, 5), [0, 0, null, 1, null]);
  assert.deepEqual(api.find("IPAMHandle", "w")!.spec.block, { "10.0.0.0/26": 3 });
});

test("a handle is given its addresses again and only what it lacks is taken", () => {
  const api = makeApi([pool("p", "10.0.0.0/26"), pool("q", "fd00::/120")], ["a"]);
  const first = api.run(assignForHandle(ask("a", "w")));
  const both = api.run(assignForHandle(ask("a", "w", { num6: 1 })));
  assert.ok(first.ok && both.ok);
  assert.equal(both.value.length, 2);
  assert.equal(both.value[0], first.value[0]);
  assert.deepEqual(api.run(assignForHandle(ask("a", "w", { num6: 1 }))), both);
});

test("a handle gets all that it asks for or nothing new, and is told of every pool", () => {
  const pools = [
    pool("p", "10.0.0.0/26"),
    pool("q", "fd00::/120", { disabled: true }),
    pool("r", "fd01::/120", { assignmentMode: "Manual" }),
    pool("s", "fd02::/120", { nodeSelector: "rack == 'b'" }),
  ];
  const api = makeApi(pools, ["a"]);
  const refused = api.run(assignForHandle(ask("a", "w", { num6: 1 })));
  assert.ok(!refused.ok);
  assert.equal(
    refused.problems[0]!.message,
    "no IPv6 pool is for node a: pool q (fd00::/120) is disabled; pool r (fd01::/120) is assigned from only on request; " +
      "pool s (fd02::/120) does not select the node (nodeSelector rack == 'b')",
  );
  assert.deepEqual(api.all("IPAMHandle"), []);
  checkAtRest(api, true);
});

test("a node that does not exist gets no address", () => {
  const api = makeApi([pool("p", "10.0.0.0/26")], []);
  const refused = api.run(assignForHandle(ask("ghost", "w")));
  assert.ok(!refused.ok);
  assert.match(refused.problems[0]!.message, /node ghost does not exist/);
});

test("a namespace's labels choose the pool; one that does not exist has none", () => {
  const api = makeApi(
    [pool("p", "10.0.0.0/26", { namespaceSelector: "team == 'red'", allowedUses: ["Workload"] })],
    ["a"],
  );
  api.put({ apiVersion: "v1", kind: "Namespace", metadata: { name: "red", labels: { team: "red" } }, spec: {} });
  assert.equal(api.run(autoAssign(ask("a", "w1", { namespace: "red" }))).addresses.length, 1);
  assert.equal(api.run(autoAssign(ask("a", "w2", { namespace: "blue" }))).addresses.length, 0);
  assert.equal(api.run(autoAssign(ask("a", "w3"))).addresses.length, 0);
});

test("pools asked for are taken in their order, whatever they select", () => {
  const pools = [
    pool("p", "10.0.0.0/30", { blockSize: 30 }),
    pool("q", "10.1.0.0/30", { blockSize: 30, assignmentMode: "Manual" }),
  ];
  const api = makeApi(pools, ["a"]);
  const { addresses } = api.run(
    autoAssign(ask("a", "w", { num4: 5, pools4: [cidr("10.1.0.0/30"), cidr("10.0.0.0/30")] })),
  );
  assert.deepEqual(addresses, ["10.1.0.0", "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.0.0.0"]);
});

test("an IPv6 pool of 2^58 blocks is used without being walked through", () => {
  const api = makeApi([pool("p", "fd00::/64")], ["a", "b"]);
  for (let i = 0; i < 10; i++) {
    for (const name of ["a", "b"]) {
      assert.equal(api.run(autoAssign(ask(name, `${name}${i}`, { num4: 0, num6: 64 }))).addresses.length, 64);
    }
  }
  assert.equal(blocksOfHost(api, "a").length, 10);
  assert.ok(api.requests < 2000);
});

test("a pool that is nearly full is listed, not asked block by block", () => {
  const api = makeApi([pool("p", "10.0.0.0/23", { blockSize: 30 })], ["a", "b"]);
  configure(api, { maxBlocksPerHost: 2000 });
  api.run(autoAssign(ask("a", "w", { num4: 127 * 4 })));
  const before = api.requests;
  assert.equal(api.run(autoAssign(ask("b", "v"))).addresses.length, 1);
  assert.ok(api.requests - before < 60);
});

test("an empty block of another host is taken over a minute after its claim, not before", () => {
  const api = makeApi([pool("p", "10.0.0.0/30", { blockSize: 30 })], ["a", "b"]);
  api.run(autoAssign(ask("a", "w")));
  const isServed = (laterMs: number) =>
    api.run(autoAssign(ask("b", "v", { nowMs: startMs + laterMs }))).addresses.length === 1;
  assert.ok(!isServed(61_000), "it is in use");
  api.run(releaseByHandle("w"));
  assert.ok(!isServed(60_000));
  assert.ok(isServed(60_001));
  assert.deepEqual([blocksOfHost(api, "a"), blocksOfHost(api, "b")], [[], ["10.0.0.0/30"]]);
  checkAtRest(api, true);
});

test("a host gives empty blocks of a pool back that does not select it any more, and keeps the others", () => {
  const api = makeApi([pool("p", "10.0.0.0/24", { blockSize: 30 }), pool("q", "10.1.0.0/24")], ["a"]);
  api.run(autoAssign(ask("a", "w", { num4: 4 })));
  api.run(autoAssign(ask("a", "v", { num4: 4 })));
  api.run(releaseByHandle("w"));
  api.put(pool("p", "10.0.0.0/24", { blockSize: 30, nodeSelector: "rack == 'b'" }));
  const { addresses } = api.run(autoAssign(ask("a", "u")));
  assert.ok(cidrContains(cidr("10.1.0.0/24"), addresses[0]!));
  assert.equal(blocksOfHost(api, "a").length, 2);
  api.run(releaseByHandle("v"));
  assert.equal(blocksOfHost(api, "a").length, 1, "the last address of a block takes the block with it");
});

test("release looks at handle and sequence number, block by block", () => {
  const api = makeApi([pool("p", "10.0.0.0/29", { blockSize: 30 })], ["a"]);
  const { addresses } = api.run(autoAssign(ask("a", "w", { num4: 5 })));
  const [first, second, , , fifth] = addresses;
  const held = api.run(listHeldAddresses("w"));
  const sequenceOf = (address: string) => held.find((one) => one.address === address)!.sequenceNumber;
  const mixed = api.run(
    releaseAddresses([
      { address: first! },
      { address: second!, handleId: "other" },
      { address: fifth!, handleId: "w", sequenceNumber: sequenceOf(fifth!) },
      { address: fifth!, handleId: "w" },
    ]),
  );
  assert.deepEqual(mixed.released, [fifth]);
  assert.match(mixed.problems[0]!.message, /held by w, not by other/);
  api.run(releaseAddresses([{ address: first! }]));
  api.run(autoAssign(ask("a", "v", { num4: 4 })));
  const stale = api.run(releaseAddresses([{ address: first!, sequenceNumber: sequenceOf(first!) }]));
  assert.match(stale.problems[0]!.message, /assigned anew/);
  const outside = api.run(releaseAddresses([{ address: "192.0.2.1" as never, handleId: "w" }]));
  assert.deepEqual(outside, { released: [], unallocated: ["192.0.2.1"], problems: [] });
  checkAtRest(api, true);
});

test("addresses are released after their pool is gone", () => {
  const api = makeApi([pool("p", "10.0.0.0/26")], ["a"]);
  const { addresses } = api.run(autoAssign(ask("a", "w", { num4: 3 })));
  api.remove("IPPool", "p");
  assert.deepEqual(api.run(releaseAddresses(addresses.map((address) => ({ address })))).released, addresses);
  assert.deepEqual(api.all("IPAMHandle"), []);
});

test("releasing an unknown handle says so", () => {
  assert.deepEqual(makeApi([], []).run(releaseByHandle("w")), { isKnown: false, released: [] });
});

test("a host that leaves gives its empty blocks back; those in use become nobody's and go with their last address", () => {
  const api = makeApi([pool("p", "10.0.0.0/24", { blockSize: 30 })], ["a"]);
  api.run(autoAssign(ask("a", "w", { num4: 4 })));
  api.run(autoAssign(ask("a", "v", { num4: 4 })));
  api.run(releaseByHandle("w"));
  const gentle = api.run(releaseHostAffinities("a", { mustBeEmpty: true }));
  assert.deepEqual([gentle.released.length, gentle.kept.length], [1, 1]);
  const firm = api.run(releaseHostAffinities("a", { mustBeEmpty: false }));
  assert.deepEqual(firm, { released: gentle.kept, kept: [] });
  assert.equal(api.find("IPAMBlock", cidrToName(gentle.kept[0]!))!.spec.affinity, undefined);
  api.run(releaseByHandle("v"));
  for (const kind of ["IPAMBlock", "BlockAffinity", "IPAMHandle"] as const) assert.deepEqual(api.all(kind), []);
});

test("affinities that a crash or another host has left are mended when they are met", () => {
  const api = makeApi([pool("p", "10.0.0.0/30", { blockSize: 30 })], ["a", "b"]);
  const block = cidr("10.0.0.0/30");
  const affinity = (name: string, state: "confirmed" | "pending" | "pendingDeletion") =>
    api.put({
      apiVersion: "projectcalico.org/v3",
      kind: "BlockAffinity",
      metadata: { name: blockAffinityName(name, block) },
      spec: { state, node: name, type: "host", cidr: block },
    });
  affinity("a", "pendingDeletion");
  assert.equal(api.run(autoAssign(ask("a", "w1"))).addresses.length, 1, "no block behind it");
  affinity("a", "pending");
  assert.equal(api.run(autoAssign(ask("a", "w2"))).addresses.length, 1, "its own block");
  assert.deepEqual(blocksOfHost(api, "a"), [block]);
  affinity("b", "pending");
  assert.equal(api.run(autoAssign(ask("b", "w3"))).addresses.length, 0, "another's block");
  assert.deepEqual(
    api.all("BlockAffinity").map((one) => one.spec.node),
    ["a"],
  );
});

test("a release that finds the block in use on second sight lets the owner keep it", () => {
  const api = makeApi([pool("p", "10.0.0.0/30", { blockSize: 30 })], ["a"]);
  api.run(autoAssign(ask("a", "w")));
  api.run(releaseByHandle("w"));
  const affinities = api.all("BlockAffinity");
  const step = releaseBlockAffinity("a", cidr("10.0.0.0/30"), { mustBeEmpty: true });
  const release = api.pauseBefore(step, (request) => request.type === "delete");
  api.run(autoAssign(ask("a", "v", { affinities })));
  assert.deepEqual(blocksOfHost(api, "a"), []);
  assert.equal(release.finish(), "inUse");
  assert.deepEqual(blocksOfHost(api, "a"), ["10.0.0.0/30"]);
  checkAtRest(api, true);
});

test("a claim that comes between the steps of a release stands", () => {
  for (const type of ["update", "delete"]) {
    const api = makeApi([pool("p", "10.0.0.0/30", { blockSize: 30 })], ["a"]);
    const block = cidr("10.0.0.0/30");
    api.run(claimBlock("a", block, startMs));
    const step = releaseBlockAffinity("a", block, { mustBeEmpty: true });
    const release = api.pauseBefore(step, (request) => request.type === type);
    api.run(claimBlock("a", block, startMs));
    const result = release.finish();
    assert.equal(result, type === "update" ? "released" : "changed");
    assert.deepEqual(blocksOfHost(api, "a"), type === "update" ? [] : [block]);
    checkAtRest(api, true);
  }
});

test("a block that its host has used since it was seen idle is not taken over", () => {
  for (const isReleased of [false, true]) {
    const api = makeApi([pool("p", "10.0.0.0/30", { blockSize: 30 })], ["a", "b"]);
    api.run(autoAssign(ask("a", "w")));
    api.run(releaseByHandle("w"));
    const step = autoAssign(ask("b", "x", { nowMs: startMs + 100_000 }));
    const takeover = api.pauseBefore(step, (request) => request.type === "get" && request.kind === "BlockAffinity");
    api.run(autoAssign(ask("a", "v")));
    if (isReleased) api.run(releaseByHandle("v"));
    assert.deepEqual(takeover.finish().addresses, []);
    assert.deepEqual(blocksOfHost(api, "a"), ["10.0.0.0/30"]);
  }
});

test("affinities known from a watch are trusted only as far as the blocks bear them out", () => {
  const api = makeApi([pool("p", "10.0.0.0/24", { blockSize: 30 })], ["a", "b"]);
  api.run(autoAssign(ask("a", "w")));
  const affinities = api.all("BlockAffinity");
  const before = api.requests;
  assert.equal(api.run(autoAssign(ask("a", "v", { affinities }))).addresses.length, 1);
  assert.ok(api.requests - before <= 7);
  api.run(releaseHostAffinities("a", { mustBeEmpty: false }));
  assert.equal(api.run(autoAssign(ask("a", "u", { affinities }))).addresses.length, 1);
  checkAtRest(api, true);
});
