import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { seededRandom } from "../lib/index.ts";
import { BfdCore, type BfdPeer } from "./bfd-core.ts";
import { type BfdPacket, encodeBfdPacket } from "./packet.ts";
import { Pair, address } from "./testing/pair.ts";

const gaps = (times: readonly number[]) => times.slice(1).map((atMs, at) => atMs - (times[at] ?? 0));

test("two ends come up, tell each other their pace and keep to it", () => {
  const pair = new Pair(1);
  pair.watchBoth();
  pair.run(3000);
  assert.deepEqual(pair.states(), ["up", "up"]);
  assert.deepEqual(pair.a.said, ["peer up none"]);
  const [session] = pair.a.core.status().sessions;
  assert.equal(session?.intervalMs, 50);
  assert.equal(session?.detectionMs, 150);
  const from = pair.nowMs;
  pair.run(20_000);
  const periodic = pair.a.sent.filter(({ atMs }) => atMs > from).map(({ atMs }) => atMs);
  for (const gap of gaps(periodic)) assert.ok(gap >= 37.5 && gap <= 50, `${gap} ms between packets`);
  const mean = 20_000 / periodic.length;
  assert.ok(mean > 42 && mean < 46, `${mean} ms on the average`);
});

test("nothing is sent faster than once a second while it is not up, nor is it promised", () => {
  const pair = new Pair(2);
  pair.isCut = true;
  pair.watch(pair.a, { minTxMs: 10 });
  pair.run(30_000);
  for (const gap of gaps(pair.a.sent.map(({ atMs }) => atMs))) assert.ok(gap >= 750 && gap <= 1000);
  for (const { packet } of pair.a.sent) assert.equal(packet.minTxUs, 1_000_000);
});

test("the slower of what one sends and the other takes is the pace", () => {
  const pair = new Pair(3);
  pair.watch(pair.a, { minTxMs: 20, minRxMs: 300 });
  pair.watch(pair.b, { minTxMs: 50, minRxMs: 100, multiplier: 5 });
  pair.run(5000);
  const [a] = pair.a.core.status().sessions;
  const [b] = pair.b.core.status().sessions;
  assert.deepEqual([a?.intervalMs, a?.detectionMs], [100, 1500]);
  assert.deepEqual([b?.intervalMs, b?.detectionMs], [300, 300]);
});

test("silence ends a session within the detection time, on both ends, with the reason", () => {
  const pair = new Pair(4);
  pair.watchBoth();
  pair.run(3000);
  pair.isCut = true;
  pair.run(155);
  assert.deepEqual(pair.states(), ["down", "down"]);
  assert.equal(pair.a.said.at(-1), "peer down detectionTimeExpired");
  assert.equal(pair.b.said.at(-1), "peer down detectionTimeExpired");
  pair.run(10_000);
  pair.isCut = false;
  pair.run(4000);
  assert.deepEqual(pair.states(), ["up", "up"]);
});

test("an end that hears nothing tells the other, which still hears it", () => {
  const pair = new Pair(5);
  pair.watchBoth();
  pair.run(3000);
  // From here on nothing of b arrives at a.
  const deliver = pair.deliver.bind(pair);
  pair.deliver = (to, from, bytes) => to === pair.a || deliver(to, from, bytes);
  pair.run(200);
  assert.equal(pair.a.said.at(-1), "peer down detectionTimeExpired");
  assert.equal(pair.b.said.at(-1), "peer down neighbourSignaledDown");
});

test("an end that is taken away is no failure for the other", () => {
  const pair = new Pair(6);
  pair.watchBoth();
  pair.run(3000);
  pair.step(pair.a, { type: "configure", peers: [] });
  pair.run(10_000);
  assert.equal(pair.b.said.at(-1), "peer adminDown neighbourSignaledDown");
  assert.equal(pair.a.core.status().sessions.length, 0);
  assert.equal(pair.a.wakeAtMs, Infinity, "nothing is left to do");
  pair.watch(pair.a);
  pair.run(3000);
  assert.deepEqual(pair.states(), ["up", "up"]);
});

test("one that is taken away and named again at once comes up as a new session", () => {
  const pair = new Pair(7);
  pair.watchBoth();
  pair.run(3000);
  pair.step(pair.a, { type: "configure", peers: [] });
  pair.watch(pair.a);
  pair.run(5000);
  const flaps = pair.b.said.length;
  pair.run(10_000);
  assert.deepEqual(pair.states(), ["up", "up"]);
  assert.equal(pair.b.said.length, flaps, "no farewell of the old one disturbs it");
});

test("a stopped host says at once that it is no failure", () => {
  const pair = new Pair(8);
  pair.watchBoth();
  pair.run(3000);
  pair.step(pair.a, { type: "stop" });
  pair.run(5);
  assert.equal(pair.b.said.at(-1), "peer adminDown neighbourSignaledDown");
});

test("a host that crashed and came back is up again, and the other end was told of the failure once", () => {
  const pair = new Pair(9);
  pair.watchBoth();
  pair.run(3000);
  pair.crash(pair.a);
  pair.run(60);
  pair.start(pair.a);
  pair.run(5000);
  assert.deepEqual(pair.states(), ["up", "up"]);
  assert.equal(pair.b.said.filter((text) => text.includes("down")).length, 1);
});

test("a new pace is agreed on while the session stays up, slower and faster", () => {
  const pair = new Pair(10);
  pair.watchBoth();
  pair.run(3000);
  for (const [minTxMs, minRxMs, multiplier] of [
    [400, 400, 3],
    [20, 400, 4],
    [50, 20, 2],
    [50, 50, 3],
  ] as const) {
    pair.watch(pair.a, { minTxMs, minRxMs, multiplier });
    pair.run(7);
    // Again before the answer can be here.
    pair.watch(pair.b, { minTxMs: minRxMs, minRxMs: minTxMs, multiplier });
    pair.run(5000);
    const [session] = pair.a.core.status().sessions;
    assert.equal(session?.intervalMs, minTxMs);
    assert.equal(session?.detectionMs, multiplier * minRxMs);
  }
  assert.deepEqual(pair.a.said, ["peer up none"]);
  assert.deepEqual(pair.b.said, ["peer up none"]);
});

test("a change during a poll is polled for after a packet without the bit", () => {
  const pair = new Pair(11);
  pair.watchBoth();
  pair.run(3000);
  pair.watch(pair.a, { minTxMs: 100 });
  pair.isCut = true;
  pair.run(60);
  pair.watch(pair.a, { minTxMs: 200 });
  pair.isCut = false;
  const from = pair.a.sent.length;
  pair.run(3000);
  const polls = pair.a.sent
    .slice(from)
    .filter(({ packet }) => !packet.isFinal)
    .map(({ packet }) => packet.isPoll);
  const runs = polls.filter((isPoll, at) => isPoll !== polls[at - 1]);
  assert.deepEqual(runs, [true, false, true, false]);
  assert.equal(pair.a.core.status().sessions[0]?.intervalMs, 200);
  assert.deepEqual(pair.b.said, ["peer up none"]);
});

test("a late wake loses no session whose packets have come in time", () => {
  const pair = new Pair(12);
  pair.watch(pair.a, { multiplier: 10 });
  pair.watch(pair.b, { multiplier: 2 });
  pair.run(3000);
  // Of b's side all goes on; a does nothing for longer than the detection time, then reads first.
  const { a } = pair;
  const step = pair.step.bind(pair);
  const held: Parameters<typeof step>[] = [];
  pair.step = (...args) => (args[0] === a ? void held.push(args) : step(...args));
  pair.run(240);
  pair.step = step;
  for (const [end, input] of held.toSorted(
    (one, other) => Number(one[1].type === "wake") - Number(other[1].type === "wake"),
  ))
    step(end, input);
  pair.run(3000);
  assert.deepEqual(a.said, ["peer up none"]);
});

test("woken too early it asks to be woken again", () => {
  const pair = new Pair(16);
  pair.watchBoth();
  const { wakeAtMs } = pair.a;
  pair.a.wakeAtMs = Infinity;
  pair.step(pair.a, { type: "wake" });
  assert.equal(pair.a.wakeAtMs, wakeAtMs);
});

test("packets that crossed a router are refused where none should be", () => {
  const pair = new Pair(13);
  pair.ttl = 254;
  pair.watchBoth();
  pair.run(5000);
  assert.deepEqual(pair.states(), ["down", "down"]);
  assert.ok(pair.a.core.status().packetsRefused >= 5);
});

test("peers that are reached in the same way share a session, and each is told", () => {
  const pair = new Pair(14);
  pair.watch(pair.a, {}, ["one", "two"]);
  pair.watch(pair.b);
  pair.run(3000);
  pair.watch(pair.a, {}, ["two", "three"]);
  assert.deepEqual(pair.a.said, ["one up none", "two up none", "three up none"]);
  assert.equal(pair.a.core.status().sessions.length, 1);
  pair.isCut = true;
  pair.run(200);
  assert.deepEqual(pair.a.said.slice(3), ["two down detectionTimeExpired", "three down detectionTimeExpired"]);
});

test("a session lives on when its own address becomes known, and when that is forgotten again", () => {
  const pair = new Pair(15);
  pair.watchBoth();
  pair.run(3000);
  const [peer] = pair.a.peers;
  if (peer === undefined) assert.fail();
  for (const localAddress of [pair.a.address, undefined, pair.a.address]) {
    const known = localAddress === undefined ? peer : { ...peer, localAddress };
    pair.step(pair.a, { type: "configure", peers: [known] });
    pair.run(1000);
    assert.equal(pair.a.core.status().sessions[0]?.path.localAddress, pair.a.address);
  }
  assert.deepEqual(pair.b.said, ["peer up none"]);
  const elsewhere = address("192.0.2.77");
  pair.step(pair.a, { type: "configure", peers: [{ ...peer, localAddress: elsewhere }] });
  pair.run(1000);
  assert.deepEqual(pair.states(), ["down", "down"], "another own address is another session");
});

test("a peer that wants to hear nothing is sent nothing until it is forgotten", () => {
  const core = new BfdCore(seededRandom(1));
  const peer: BfdPeer = {
    name: "p",
    address: address("192.0.2.2"),
    bfd: { minTxMs: 50, minRxMs: 50, multiplier: 3, isMultihop: false },
  };
  core.step({ type: "configure", peers: [peer] }, 0);
  const from = { remoteAddress: peer.address, localAddress: address("192.0.2.1"), linkName: "e", ttl: 255 };
  const packet = encodeBfdPacket({ ...quiet, minRxUs: 0 });
  core.step({ type: "packet", bytes: packet, isMultihop: false, ...from }, 10);
  const sent = (untilMs: number) => core.step({ type: "wake" }, untilMs).filter(({ type }) => type === "send").length;
  assert.equal(sent(1500), 0);
  assert.equal(sent(3000), 0);
  assert.equal(sent(10 + 3001), 1, "the detection time is over");
  assert.equal(sent(10 + 4001), 1);
});

const quiet: BfdPacket = {
  diagnostic: "none",
  state: "down",
  isPoll: false,
  isFinal: false,
  isIndependent: false,
  isDemand: false,
  multiplier: 3,
  myDiscriminator: 77,
  yourDiscriminator: 0,
  minTxUs: 1_000_000,
  minRxUs: 50_000,
  minEchoRxUs: 0,
};

test("a packet belongs to a session by address, own address, link and distance", () => {
  const bfd = { minTxMs: 50, minRxMs: 50, multiplier: 3, isMultihop: false };
  const peers: BfdPeer[] = [
    { name: "e0", address: address("fe80::1"), linkName: "eth0", bfd },
    { name: "e1", address: address("fe80::1"), linkName: "eth1", bfd },
    {
      name: "far",
      address: address("198.51.100.1"),
      localAddress: address("192.0.2.1"),
      bfd: { ...bfd, isMultihop: true },
    },
  ];
  const heard = (remote: string, local: string, linkName: string, isMultihop: boolean, ttl: number) => {
    const core = new BfdCore(seededRandom(3));
    core.step({ type: "configure", peers }, 0);
    const origin = { remoteAddress: address(remote), localAddress: address(local), linkName, isMultihop, ttl };
    core.step({ type: "packet", bytes: encodeBfdPacket(quiet), ...origin }, 1);
    return core.status().sessions.flatMap(({ peers, state }) => (state === "init" ? peers : []));
  };
  assert.deepEqual(heard("fe80::1", "fe80::2", "eth0", false, 255), ["e0"]);
  assert.deepEqual(heard("fe80::1", "fe80::2", "eth1", false, 255), ["e1"]);
  assert.deepEqual(heard("fe80::1", "fe80::2", "eth2", false, 255), []);
  assert.deepEqual(heard("198.51.100.1", "192.0.2.1", "eth2", true, 12), ["far"]);
  assert.deepEqual(heard("198.51.100.1", "192.0.2.9", "eth2", true, 12), []);
  assert.deepEqual(heard("198.51.100.1", "192.0.2.1", "eth2", false, 255), []);
  assert.deepEqual(heard("198.51.100.2", "192.0.2.1", "eth2", true, 255), []);
});

test("whatever is lost, late, out of order or crashes: both ends are up soon after it is over", () => {
  const fault = fc.record({
    durationMs: fc.integer({ min: 1, max: 3000 }),
    lossRate: fc.constantFrom(0, 0.1, 0.5, 1),
    maxDelayMs: fc.constantFrom(1, 30, 400),
    crash: fc.constantFrom("", "a", "b", "ab"),
    minTxMs: fc.constantFrom(10, 50, 300),
  });
  fc.assert(
    fc.property(fc.integer(), fc.array(fault, { minLength: 1, maxLength: 8 }), (seed, faults) => {
      const pair = new Pair(seed);
      pair.watchBoth();
      for (const { durationMs, lossRate, maxDelayMs, crash, minTxMs } of faults) {
        Object.assign(pair, { lossRate, maxDelayMs });
        const crashed = [pair.a, pair.b].filter((_, at) => crash.includes("ab"[at] ?? "-"));
        for (const end of crashed) pair.crash(end);
        pair.run(durationMs);
        for (const end of crashed) pair.start(end);
        pair.watch(pair.a, { minTxMs });
      }
      Object.assign(pair, { lossRate: 0, maxDelayMs: 1 });
      pair.watchBoth();
      // The longest detection time that is left over, and two slow packets each way.
      pair.run(8000);
      assert.deepEqual(pair.states(), ["up", "up"]);
      const counts = [pair.a.said.length, pair.b.said.length];
      pair.run(20_000);
      assert.deepEqual([pair.a.said.length, pair.b.said.length], counts, "it stays up");
      for (const end of [pair.a, pair.b]) {
        assert.equal(end.said.at(-1), "peer up none");
        assert.equal(end.core.status().sessions[0]?.detectionMs, 150);
      }
    }),
    { numRuns: 150 },
  );
});

test("packets of anybody about anything are lived through", () => {
  const input = fc.record({
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .record({ flags: fc.nat(255), mine: fc.nat(), yours: fc.constantFrom(0, 1, -1), tx: fc.nat(), rx: fc.nat() })
        .map(({ flags, mine, yours, tx, rx }) => {
          const bytes = encodeBfdPacket({ ...quiet, myDiscriminator: mine + 1, minTxUs: tx, minRxUs: rx });
          bytes[1] = flags & ~5;
          new DataView(bytes.buffer).setInt32(8, yours);
          return bytes;
        }),
    ),
    waitMs: fc.integer({ min: 0, max: 5000 }),
    isToKnown: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(input, { maxLength: 60 }), (inputs) => {
      const pair = new Pair(5);
      pair.watch(pair.a);
      for (const { bytes, waitMs, isToKnown } of inputs) {
        const known = pair.a.sent.at(-1)?.packet.myDiscriminator;
        if (isToKnown && known !== undefined && bytes.length >= 24) {
          new DataView(bytes.buffer, bytes.byteOffset).setUint32(8, known);
        }
        pair.deliver(pair.a, pair.b, bytes);
        pair.run(Math.min(waitMs, 500));
      }
      const before = pair.a.sent.length;
      pair.run(1000);
      assert.ok(pair.a.sent.length - before <= 200, "nobody makes it send more than it is told to");
    }),
    { numRuns: 200 },
  );
});
