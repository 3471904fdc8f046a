import assert from "node:assert/strict";
import { test } from "node:test";
import { type IpAddress, type Random, type Result, addressVersion, seededRandom } from "../lib/index.ts";
import type { BlockAffinity } from "../resources/index.ts";
import { assignForHandle } from "./assign-for-handle.ts";
import { autoAssign } from "./auto-assign.ts";
import { listHeldAddresses } from "./held-addresses.ts";
import { releaseAddresses, releaseByHandle } from "./release.ts";
import { releaseHostAffinities } from "./release-affinity.ts";
import type { IpamRequest, IpamStep } from "./request.ts";
import { ask, makeApi, pool, startMs } from "./testing/objects.ts";
import { type SimulatedApi, checkAtRest } from "./testing/simulated-api.ts";

const hosts = ["h1", "h2", "h3", "h4", "h5", "h6"];
const workloadsPerHost = 14;

type Running = { step: IpamStep<unknown>; next: IpamRequest; finish: (result: unknown) => void; crash: () => void };

/** Many processes on many hosts, of which a seeded scheduler lets one at a time make one request. */
class Simulation {
  readonly api: SimulatedApi;
  readonly random: Random;
  readonly crashChance: number;
  operations = 0;
  crashes = 0;
  #nowMs = startMs;
  readonly #running: Running[] = [];
  #oldAffinities: readonly BlockAffinity[] = [];
  /** What workloads were told is theirs. */
  readonly #holderByAddress = new Map<IpAddress, string>();
  readonly #heldByHandle = new Map<string, readonly IpAddress[]>();
  readonly #busy = new Set<string>();
  readonly #unsure = new Set<string>();

  constructor(seed: number, crashChance: number) {
    this.random = seededRandom(seed);
    this.crashChance = crashChance;
    // Room for 64 IPv4 addresses where 84 workloads want one: refusals, reclaims and lost claims are frequent.
    this.api = makeApi(
      [pool("p", "10.0.0.0/26", { blockSize: 29 }), pool("q", "fd00::/122", { blockSize: 125 })],
      hosts,
    );
  }

  advance(): void {
    if (this.#running.length < 12) this.#startOne();
    const index = Math.floor(this.random() * this.#running.length);
    const running = this.#running[index];
    if (running === undefined) return;
    const isWrite = running.next.type !== "get" && running.next.type !== "list";
    const response = this.api.answer(running.next);
    if (isWrite && this.random() < this.crashChance) {
      this.crashes++;
      this.#running.splice(index, 1);
      running.crash();
      return;
    }
    const next = running.step.next(response);
    if (next.done === true) {
      this.#running.splice(index, 1);
      running.finish(next.value);
    } else running.next = next.value;
  }

  /** Lets everything end, releases all, and gives every block back. */
  releaseAll(): void {
    while (this.#running.length > 0) this.#drainOne();
    checkAtRest(this.api, this.#unsure.size === 0);
    for (const handle of [...this.#heldByHandle.keys(), ...this.#unsure]) this.api.run(releaseByHandle(handle));
    checkAtRest(this.api, true);
    assert.deepEqual(this.api.all("IPAMHandle"), []);
    for (const { spec } of this.api.all("IPAMBlock")) {
      assert.equal(spec.unallocated.length, spec.allocations.length);
      assert.ok(spec.affinity !== undefined);
    }
    for (const host of hosts) this.api.run(releaseHostAffinities(host, { mustBeEmpty: true }));
    assert.deepEqual([this.api.all("IPAMBlock"), this.api.all("BlockAffinity")], [[], []]);
  }

  #drainOne(): void {
    const running = this.#running.pop()!;
    let next = running.step.next(this.api.answer(running.next));
    while (next.done !== true) next = running.step.next(this.api.answer(next.value));
    running.finish(next.value);
  }

  #startOne(): void {
    this.operations++;
    this.#nowMs += this.random() * 3000;
    if (this.random() < 0.05) this.#oldAffinities = this.api.all("BlockAffinity");
    const host = hosts[Math.floor(this.random() * hosts.length)]!;
    const handle = `${host}.w${Math.floor(this.random() * workloadsPerHost)}`;
    const choice = this.random();
    if (choice < 0.02) {
      const mustBeEmpty = this.random() < 0.7;
      this.#run(
        releaseHostAffinities(host, { mustBeEmpty }),
        () => {},
        () => {},
      );
    } else if (!this.#busy.has(handle)) this.#startWorkload(host, handle);
  }

  #startWorkload(host: string, handle: string): void {
    const held = this.#heldByHandle.get(handle);
    const choice = this.random();
    this.#busy.add(handle);
    if (this.#unsure.has(handle) ? choice < 0.6 : held === undefined || choice < 0.1) this.#attach(host, handle, held);
    else this.#detach(handle, held);
  }

  #attach(host: string, handle: string, held: readonly IpAddress[] | undefined): void {
    const step = assignForHandle(
      ask(host, handle, {
        num6: 1,
        nowMs: this.#nowMs,
        ...(this.random() < 0.5 && { affinities: this.#oldAffinities }),
      }),
    );
    const finish = (result: Result<readonly IpAddress[]>) => {
      this.#busy.delete(handle);
      if (!result.ok) return;
      assert.deepEqual(result.value.map(addressVersion), [4, 6]);
      if (held !== undefined) assert.deepEqual(result.value, held, `${handle} keeps its addresses`);
      this.#unsure.delete(handle);
      this.#heldByHandle.set(handle, result.value);
      for (const address of result.value) {
        const other = this.#holderByAddress.get(address) ?? handle;
        assert.equal(other, handle, `${address} was given to ${handle} and is held by ${other}`);
        this.#holderByAddress.set(address, handle);
      }
    };
    const crash = () => {
      this.#busy.delete(handle);
      if (held === undefined) this.#unsure.add(handle);
    };
    this.#run(step, finish, crash);
  }

  #detach(handle: string, held: readonly IpAddress[] | undefined): void {
    for (const address of held ?? []) this.#holderByAddress.delete(address);
    this.#heldByHandle.delete(handle);
    const end = () => void this.#busy.delete(handle);
    const crash = () => {
      end();
      this.#unsure.add(handle);
    };
    const byAddress = held !== undefined && this.random() < 0.5;
    if (byAddress) {
      const list = held.map((address) => ({ address, handleId: handle }));
      this.#run(
        releaseAddresses(list),
        (result) => {
          assert.deepEqual(result, { released: held, unallocated: [], problems: [] });
          end();
        },
        crash,
      );
    } else {
      const finish = () => {
        this.#unsure.delete(handle);
        end();
      };
      this.#run(releaseByHandle(handle), finish, crash);
    }
  }

  #run<T>(step: IpamStep<T>, finish: (result: T) => void, crash: () => void): void {
    const first = step.next();
    if (first.done === true) {
      finish(first.value);
      return;
    }
    this.#running.push({ step, next: first.value, finish: finish as (result: unknown) => void, crash });
  }
}

function simulate(
  seeds: readonly number[],
  stepsPerSeed: number,
  crashChance: number,
): { operations: number; crashes: number } {
  const total = { operations: 0, crashes: 0 };
  for (const seed of seeds) {
    const simulation = new Simulation(seed, crashChance);
    try {
      for (let step = 0; step < stepsPerSeed; step++) simulation.advance();
      simulation.releaseAll();
    } catch (error) {
      throw new Error(`seed ${seed} after ${simulation.operations} operations`, { cause: error });
    }
    total.operations += simulation.operations;
    total.crashes += simulation.crashes;
  }
  return total;
}

const seeds = (count: number, from: number) => Array.from({ length: count }, (_, i) => from + i);

test("hosts that work at the same time never share an address and leave nothing behind", () => {
  const { operations } = simulate(seeds(20, 1), 8000, 0);
  assert.ok(operations > 10_000, String(operations));
});

test("a crash after any write leaves no address without a handle, and a repeat mends it", () => {
  const { operations, crashes } = simulate(seeds(20, 1000), 8000, 0.03);
  assert.ok(operations > 10_000 && crashes > 1000, `${operations} ${crashes}`);
});

test("an attach that crashes after each of its writes in turn gives one address of each version when repeated", () => {
  for (let writes = 0; ; writes++) {
    const api = makeApi([pool("p", "10.0.0.0/24"), pool("q", "fd00::/112")], ["a"]);
    const isCut = cutAfterWrites(api, assignForHandle(ask("a", "w", { num6: 1 })), writes);
    const first = api.run(assignForHandle(ask("a", "w", { num6: 1 })));
    assert.ok(first.ok);
    assert.deepEqual(api.run(assignForHandle(ask("a", "w", { num6: 1 }))), first);
    checkAtRest(api, false);
    api.run(releaseByHandle("w"));
    checkAtRest(api, true);
    assert.deepEqual(api.all("IPAMHandle"), []);
    api.run(releaseHostAffinities("a", { mustBeEmpty: true }));
    assert.deepEqual([api.all("IPAMBlock"), api.all("BlockAffinity")], [[], []]);
    if (!isCut) {
      assert.ok(writes >= 10);
      return;
    }
  }
});

test("a release that crashes after each of its writes in turn is completed by a repeat", () => {
  for (let writes = 0; ; writes++) {
    const api = makeApi([pool("p", "10.0.0.0/29", { blockSize: 30 })], ["a"]);
    const { addresses } = api.run(autoAssign(ask("a", "w", { num4: 6 })));
    api.run(releaseHostAffinities("a", { mustBeEmpty: false }));
    const byHandle = writes % 2 === 0;
    const release = (): IpamStep<unknown> =>
      byHandle ? releaseByHandle("w") : releaseAddresses(addresses.map((address) => ({ address, handleId: "w" })));
    const isCut = cutAfterWrites(api, release(), writes >> 1);
    api.run(release());
    for (const kind of ["IPAMBlock", "BlockAffinity", "IPAMHandle"] as const) assert.deepEqual(api.all(kind), []);
    if (!isCut) return;
  }
});

test("a hundred processes race for the addresses of one block and of one handle", () => {
  for (const seed of seeds(5, 1)) {
    const api = makeApi([pool("p", "10.0.0.0/26")], ["a"]);
    const random = seededRandom(seed);
    const given: IpAddress[] = [];
    const racers = Array.from({ length: 100 }, (_, i) => {
      const step = autoAssign(ask("a", i % 4 === 0 ? "shared" : `w${i}`));
      return { step, next: step.next() };
    });
    while (racers.length > 0) {
      const index = Math.floor(random() * racers.length);
      const racer = racers[index]!;
      if (racer.next.done === true) {
        given.push(...racer.next.value.addresses);
        racers.splice(index, 1);
      } else racer.next = racer.step.next(api.answer(racer.next.value));
    }
    assert.equal(given.length, 64);
    assert.equal(new Set(given).size, 64);
    for (const { spec } of api.all("IPAMHandle")) api.run(releaseByHandle(spec.handleID));
    checkAtRest(api, true);
    assert.deepEqual(api.all("IPAMHandle"), []);
  }
});

test("processes that share handles, and crash, never make a count too low, and release by handle clears it", () => {
  for (const seed of seeds(60, 1)) {
    const api = makeApi(
      [pool("p", "10.0.0.0/29", { blockSize: 30 }), pool("q", "fd00::/125", { blockSize: 126 })],
      hosts,
    );
    const random = seededRandom(seed);
    const handles = ["s1", "s2"];
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    const start = (): IpamStep<unknown> => {
      const handle = pick(handles);
      const choice = random();
      if (choice < 0.5) return autoAssign(ask(pick(["h1", "h2"]), handle, { num4: 2, num6: 1 }));
      if (choice < 0.75) return releaseByHandle(handle);
      const held = api.run(listHeldAddresses(handle));
      return releaseAddresses(held.map(({ address }) => ({ address, ...(random() < 0.5 && { handleId: handle }) })));
    };
    const running: { step: IpamStep<unknown>; next: IteratorResult<IpamRequest, unknown> }[] = [];
    for (let i = 0; i < 3000; i++) {
      if (running.length < 5) {
        const step = start();
        running.push({ step, next: step.next() });
      }
      const index = Math.floor(random() * running.length);
      const one = running[index]!;
      if (one.next.done === true || random() < 0.01) running.splice(index, 1);
      else one.next = one.step.next(api.answer(one.next.value));
    }
    for (const { spec } of api.all("IPAMHandle")) api.run(releaseByHandle(spec.handleID));
    checkAtRest(api, true);
    assert.deepEqual(api.all("IPAMHandle"), [], `seed ${seed}`);
  }
});

test("a release beside an assignment of the same handle leaves an exact count", () => {
  const api = makeApi([pool("p", "10.0.0.0/29", { blockSize: 29 })], ["a"]);
  const { addresses } = api.run(autoAssign(ask("a", "w")));
  const step = releaseAddresses(addresses.map((address) => ({ address })));
  const release = api.pauseBefore(step, (request) => request.type === "delete" && request.kind === "IPAMHandle");
  api.run(autoAssign(ask("a", "w", { num4: 2 })));
  assert.deepEqual(release.finish().released, addresses);
  assert.deepEqual(api.find("IPAMHandle", "w")!.spec.block, { "10.0.0.0/29": 2 });
  checkAtRest(api, true);
});

/** Abandons the operation once it has made so many writes; false when it ended before. */
function cutAfterWrites<T>(api: SimulatedApi, step: IpamStep<T>, writes: number): boolean {
  let left = writes;
  let next = step.next();
  while (next.done !== true) {
    const isWrite = next.value.type !== "get" && next.value.type !== "list";
    if (isWrite && left-- === 0) return true;
    next = step.next(api.answer(next.value));
  }
  return false;
}
