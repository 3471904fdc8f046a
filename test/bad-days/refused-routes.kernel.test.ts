import assert from "node:assert/strict";
import { test } from "node:test";
import { BadHost, decode, eventually, mostAttempts, run } from "./bad-host.ts";

const timeout = 60_000;
const blockCount = 1000;

test("a route of somebody else in the place of one of ours keeps none of 1,000 others away, for as long as it is there", {
  timeout,
}, async () => {
  await using host = await BadHost.start("a", "b");
  const startedMs = performance.now();
  const before = host.loop.figures();
  const stranger = "10.20.1.64/26";
  run(`ip route add blackhole ${stranger} metric 1024`);
  host.give(
    decode({
      kind: "IPPool",
      metadata: { name: "pool" },
      spec: { cidr: "10.20.0.0/16", blockSize: 26, natOutgoing: false },
    }),
  );
  for (let at = 0; at < blockCount; at++) host.give(block(`10.20.${at >> 2}.${(at & 3) * 64}/26`));
  const programmed = () => run("ip route show type blackhole proto 121").split("\n").length - 1;
  await eventually(
    () => programmed() === blockCount - 1,
    () => `${programmed()} routes`,
  );
  const failure = `putRoute ${stranger}: EEXIST: File exists`;
  await eventually(
    () => host.loop.failures().length > 0,
    () => "it is not told",
  );
  assert.match(host.loop.failures().join(), /^putRoute 10\.20\.1\.64\/26: EEXIST/);
  host.makeLink("c");
  host.giveEndpoint("c");
  await host.untilUp("c");
  assert.equal(await host.reach("a", "c"), "open");
  const news = host.loop.figures().rounds - before.rounds;
  await eventually(
    () => performance.now() - startedMs > 2000,
    () => "time stands still",
  );
  const attempts = host.calls.routeChanges.filter(
    (change) => change.type === "putRoute" && change.route.destination === stranger,
  ).length;
  const rounds = host.loop.figures().rounds - before.rounds;
  assert.ok(
    attempts <= rounds && rounds <= news + mostAttempts(performance.now() - startedMs),
    `${attempts}, ${rounds}`,
  );
  assert.equal(host.warnings().length, 1, host.warnings().join("\n"));
  assert.ok(host.loop.figures().failedRounds > before.failedRounds);
  assert.doesNotMatch(run(`ip route show ${stranger}`), /proto 121/);
  run(`ip route del blackhole ${stranger} metric 1024`);
  await host.untilWell();
  assert.equal(programmed(), blockCount);
  assert.equal(host.warnings().length, 1, failure);
});

function block(cidr: string) {
  return decode({
    kind: "BlockAffinity",
    metadata: { name: `alpha-${cidr.replaceAll(/[./]/g, "-")}` },
    spec: { cidr, node: "alpha", state: "confirmed" },
  });
}
