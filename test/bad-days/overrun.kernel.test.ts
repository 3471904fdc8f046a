import assert from "node:assert/strict";
import { test } from "node:test";
import { TortieError } from "../../src/lib/index.ts";
import { BadHost, eventually, run } from "./bad-host.ts";

const timeout = 60_000;
/** More events than any receive buffer holds that a user namespace can have; nobody reads while this process waits. */
const floodCount = 15_000;

test("events of routing that the kernel drops are read from it, and what was among them is mended", {
  timeout,
}, async () => {
  await using host = await BadHost.start("a", "b");
  const [a4, a6] = host.addressesOf("a");
  const pair = "route add blackhole 203.0.113.1\nroute del blackhole 203.0.113.1\n";
  // The last of it is told to nobody any more: the routes to a workload go.
  const flood = () => run("ip -batch -", `${pair.repeat(floodCount)}route del ${a4}\nroute del ${a6}\n`);
  const before = host.loop.figures();
  flood();
  await eventually(
    () => host.loop.figures().eventLosses === 1,
    () => "no event was lost",
  );
  await eventually(
    async () => (await host.reach("b", "a", 1)) === "open",
    () => "the workload's routes are not back",
  );
  flood();
  await eventually(
    () => host.loop.figures().eventLosses > 1,
    () => "no event was lost again",
  );
  await eventually(
    async () => (await host.reach("b", "a", 1)) === "open",
    () => "the workload's routes are not back the second time",
  );
  const after = host.loop.figures();
  assert.ok(after.audits > before.audits);
  assert.ok(after.audits - before.audits <= after.eventLosses + 3, `${after.audits} readings of the kernel`);
  assert.deepEqual(host.warnings(), ["the kernel dropped events, its state is read again: undefined"]);
  assert.deepEqual(host.loop.failures(), []);
});

test("events of the packet filter that the kernel drops are counted, and what was among them is mended", {
  timeout,
}, async () => {
  await using host = await BadHost.start("a", "closed");
  const files = Array.from({ length: 20 }, (_, file) => {
    const elements = Array.from({ length: 10_000 }, (__, at) => `10.${file}.${at >> 8}.${at & 255}`);
    return `nft -f - <<END\nadd element inet stranger many { ${elements.join(", ")} }\nEND\n`;
  });
  run("nft add table inet stranger; nft add set inet stranger many '{ type ipv4_addr; }'");
  assert.equal(await host.reach("a", "closed", 2), "closed");
  run(`${files.join("")}nft delete table inet tortie`);
  await eventually(
    () => host.loop.figures().eventLosses > 0,
    () => "no event was lost",
  );
  await eventually(
    () => run("nft list tables").includes("table inet tortie"),
    () => "the table is not back",
  );
  assert.equal(await host.reach("a", "closed", 2), "closed");
  assert.equal(await host.reach("closed", "a"), "open");
  assert.deepEqual(host.warnings(), ["the kernel dropped events, its state is read again: undefined"]);
  assert.deepEqual(host.loop.failures(), []);
});

test("an answer of the kernel that was lost is told once, and all is read and mended", { timeout }, async () => {
  await using host = await BadHost.start("a", "b");
  const before = host.loop.figures();
  const startedMs = performance.now();
  let lost = 0;
  // The kernel has made the changes each time; nobody knows.
  host.faults.routes = async (_changes, next) => {
    await next();
    lost++;
    throw new TortieError("TT_KERNEL_OVERRUN", "the kernel dropped messages on a route socket (ENOBUFS)");
  };
  host.makeLink("c");
  host.giveEndpoint("c");
  await eventually(
    () => lost >= 2,
    () => "the kernel was not asked again",
  );
  assert.equal(await host.reach("a", "b"), "open");
  host.faults.routes = undefined;
  await host.untilUp("c");
  await host.untilWell();
  assert.equal(await host.reach("a", "c"), "open");
  assert.equal(host.warnings().length, 1, host.warnings().join("\n"));
  const after = host.loop.figures();
  assert.ok(after.failedRounds - before.failedRounds >= 2);
  assert.ok(lost <= 12, `${lost} attempts within ${performance.now() - startedMs} ms`);
});
