import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { type IpAddress, parseAddress, seededRandom } from "../lib/index.ts";
import { AdvertisedLink, type LinkOutput } from "./advertised-link.ts";
import type { LinkMessage } from "./router-advert.ts";

const address = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);
const one = address("fe80::1");
const two = address("fe80::2");
const advert: LinkMessage = { type: "advert", lifetimeSeconds: 0 };
const reply: LinkMessage = { type: "echoReply", identifier: 1 };

/** A link, and all that it wanted sent, each as `SECONDS type to`. */
class Bench {
  readonly link = new AdvertisedLink(seededRandom(1));
  readonly log: { readonly atMs: number; readonly output: LinkOutput }[] = [];
  nowMs = 0;

  hear(message: LinkMessage, from: IpAddress): void {
    this.#note(this.link.receive(message, from, this.nowMs));
  }

  run(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    while (this.link.deadlineMs <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.link.deadlineMs);
      this.#note(this.link.wake(this.nowMs));
    }
    this.nowMs = endMs;
  }

  #note(outputs: readonly LinkOutput[]): void {
    for (const output of outputs) this.log.push({ atMs: this.nowMs, output });
  }

  adverts(to?: string): number[] {
    return this.log.flatMap(({ atMs, output }) =>
      output.type === "advertise" && (to === undefined || output.to === to) ? [atMs] : [],
    );
  }

  neighbours(): IpAddress[] {
    return this.log.flatMap(({ output }) => (output.type === "neighbour" ? [output.address] : []));
  }

  solicits(): number[] {
    return this.log.flatMap(({ atMs, output }) => (output.type === "solicit" ? [atMs] : []));
  }
}

test("adverts go to all at once and then every three to ten seconds", () => {
  const bench = new Bench();
  bench.link.setAdvertising(true, 0);
  bench.run(600_000);
  const times = bench.adverts("all");
  assert.equal(times[0], 0);
  const gaps = times.slice(1).map((atMs, at) => atMs - (times[at] ?? 0));
  assert.ok(gaps.every((gap) => gap >= 3000 && gap <= 10_000));
  bench.link.setAdvertising(false, bench.nowMs);
  bench.run(100_000);
  assert.equal(bench.adverts().length, times.length);
});

test("one that asks is answered within half a second, but all are told only every three seconds", () => {
  const bench = new Bench();
  bench.link.setAdvertising(true, 0);
  bench.run(10);
  bench.hear({ type: "solicit" }, one);
  bench.run(510);
  assert.equal(bench.adverts("all").length, 1);
  assert.equal(bench.adverts(one).length, 1);
  bench.run(2600);
  const before = bench.adverts("all").length;
  bench.hear({ type: "solicit" }, two);
  bench.run(510);
  assert.equal(bench.adverts("all").length, before + 1);
});

test("however many ask, there are at most four answers a second or so", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 200, maxLength: 200 }), (waits) => {
      const bench = new Bench();
      bench.link.setAdvertising(true, 0);
      for (const wait of waits) {
        bench.hear({ type: "solicit" }, one);
        bench.run(wait);
      }
      const seconds = Math.max(1, bench.nowMs / 1000);
      assert.ok(bench.adverts().length <= 2 + 6 * seconds);
      const toAll = bench.adverts("all");
      for (const [at, atMs] of toAll.entries()) if (at > 0) assert.ok(atMs - (toAll[at - 1] ?? 0) >= 3000);
    }),
  );
});

test("nobody is answered where nothing is advertised", () => {
  const bench = new Bench();
  bench.link.setSeeking(true, 0);
  bench.hear({ type: "solicit" }, one);
  bench.run(5000);
  assert.deepEqual(bench.adverts(), []);
});

test("the first router that is heard is the neighbour, and stays so while it is heard", () => {
  const bench = new Bench();
  bench.link.setSeeking(true, 0);
  bench.hear(advert, one);
  for (let i = 0; i < 20; i++) {
    bench.run(10_000);
    bench.hear(advert, one);
    bench.hear(advert, two);
  }
  assert.deepEqual(bench.neighbours(), [one]);
  assert.equal(bench.link.neighbour, one);
});

test("a router with another address takes the place of one that is silent, or whose link was down", () => {
  const bench = new Bench();
  bench.link.setSeeking(true, 0);
  bench.hear(advert, one);
  bench.run(31_000);
  bench.hear(advert, two);
  bench.link.restart(bench.nowMs);
  assert.equal(bench.link.neighbour, undefined);
  bench.hear(advert, one);
  assert.deepEqual(bench.neighbours(), [one, two, one]);
});

test("where no router shows itself the only node that answers is the neighbour, until a router does", () => {
  const bench = new Bench();
  bench.link.setSeeking(true, 0);
  bench.run(1);
  bench.hear(reply, one);
  bench.hear(reply, one);
  bench.run(4000);
  assert.deepEqual(bench.neighbours(), [one]);
  bench.hear(advert, two);
  assert.deepEqual(bench.neighbours(), [one, two]);
  bench.run(10_000);
  bench.hear(reply, one);
  bench.run(60_000);
  assert.equal(bench.link.neighbour, two);
});

test("of several nodes that answer none is the neighbour", () => {
  const bench = new Bench();
  bench.link.setSeeking(true, 0);
  for (let i = 0; i < 5; i++) {
    bench.run(4000);
    bench.hear(reply, one);
    bench.hear(reply, two);
  }
  assert.deepEqual(bench.neighbours(), []);
});

test("it asks at once, often at first, at last once a minute, and not while a router is heard", () => {
  const bench = new Bench();
  bench.link.setSeeking(true, 0);
  bench.run(600_000);
  const times = bench.solicits();
  assert.deepEqual(times.slice(0, 6), [0, 4000, 8000, 12_000, 20_000, 36_000]);
  assert.ok(times.length < 20);
  bench.hear(advert, one);
  const before = bench.solicits().length;
  for (let i = 0; i < 30; i++) {
    bench.run(10_000);
    bench.hear(advert, one);
  }
  assert.ok(bench.solicits().length <= before);
  bench.link.setSeeking(false, bench.nowMs);
  assert.equal(bench.link.deadlineMs, Infinity);
});
