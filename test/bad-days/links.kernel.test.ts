import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BadHost, eventually, run } from "./bad-host.ts";

const timeout = 60_000;
const flapCount = 200;

test("a workload's link that goes down 200 times is up again, with its routes, and its neighbours are not disturbed", {
  timeout,
}, async () => {
  await using host = await BadHost.start("a", "b", "c");
  const before = host.loop.figures();
  const changes = host.calls.nftChanges.length;
  for (let flap = 0; flap < flapCount; flap++) {
    run(flap % 2 === 0 ? "ip link set tta down" : "ip link set tta down; ip link set tta up; ip link set tta down");
    if (flap % 50 === 0) assert.equal(await host.reach("b", "c"), "open");
    await sleep(1);
  }
  await eventually(
    async () => (await host.reach("b", "a", 1)) === "open",
    () => `a is not back: ${host.loop.failures().join("; ")}`,
  );
  await host.untilWell();
  const after = host.loop.figures();
  assert.ok(after.rounds - before.rounds <= 8 * flapCount, `${after.rounds - before.rounds} rounds`);
  assert.equal(host.calls.nftChanges.length, changes, "the rules have nothing to do with it");
  await untilQuiet(host);
});

test("a link by another name is closed and by its old name open again", { timeout }, async () => {
  await using host = await BadHost.start("a", "b");
  run("ip link set tta down; ip link set tta name ttother; ip link set ttother up");
  await eventually(
    () => !host.isUp("a"),
    () => "a is still taken to be up",
  );
  assert.equal(await host.reach("b", "a", 2), "closed");
  assert.equal(run("ip route show 10.10.1.2; ip -6 route show fd10:1::2"), "");
  run("ip link set ttother down; ip link set ttother name tta");
  await host.untilUp("a");
  assert.equal(await host.reach("b", "a"), "open");
  await host.untilWell();
  await untilQuiet(host);
});

test("a link that moves to another namespace takes its routes along, and comes back or is made anew by the same name", {
  timeout,
}, async () => {
  await using host = await BadHost.start("a", "b", "c");
  run(`ip link set tta netns ${host.netnsOf("c")}`);
  await eventually(
    () => !host.isUp("a") && run("ip route show 10.10.1.2; ip -6 route show fd10:1::2") === "",
    () => "a is still taken to be up",
  );
  assert.equal(await host.reach("b", "c"), "open");
  run(`nsenter --net=${host.netnsOf("c")} ip link set tta netns $$`);
  await host.untilUp("a");
  assert.equal(await host.reach("b", "a"), "open");
  for (let birth = 0; birth < 10; birth++) {
    run("ip link del tta");
    host.makeLink("a");
  }
  await host.untilUp("a");
  assert.equal(await host.reach("b", "a"), "open");
  await host.untilWell();
  await untilQuiet(host);
  assert.ok(host.warnings().length <= 10, host.warnings().join("\n"));
});

/** Nothing goes on by itself. */
async function untilQuiet(host: BadHost): Promise<void> {
  await eventually(
    async () => {
      const { rounds } = host.loop.figures();
      await sleep(300);
      return host.loop.figures().rounds === rounds;
    },
    () => "rounds without end",
  );
}
