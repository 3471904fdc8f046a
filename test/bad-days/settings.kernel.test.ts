import assert from "node:assert/strict";
import { test } from "node:test";
import { BadHost, eventually, mostAttempts, run } from "./bad-host.ts";

const timeout = 60_000;
const setting = "/proc/sys/net/ipv4/fib_multipath_hash_policy";

test("a kernel setting that cannot be written is told once, and all others and the endpoints are as they should be", {
  timeout,
}, async () => {
  const startedMs = performance.now();
  const prepare = () => {
    run(`mount --bind ${setting} ${setting}; mount -o remount,bind,ro ${setting}`);
  };
  try {
    await using host = await BadHost.startWith({ prepare }, "a", "b");
    const failure = "the kernel setting net/ipv4/fib_multipath_hash_policy: EROFS";
    assert.deepEqual(host.loop.failures(), [failure]);
    assert.equal(await host.reach("a", "b"), "open");
    assert.equal(run("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/fib_multipath_hash_policy"), "1\n1\n");
    host.makeLink("c");
    host.giveEndpoint("c");
    await host.untilUp("c");
    assert.equal(await host.reach("a", "c"), "open");
    const { rounds, failedRounds } = host.loop.figures();
    assert.ok(failedRounds >= 2);
    assert.ok(rounds <= 25 + mostAttempts(performance.now() - startedMs), `${rounds} rounds`);
    assert.deepEqual(host.warnings(), [`not programmed, will be tried again: ${failure}`]);
    run(`umount ${setting}`);
    await host.untilWell();
    assert.equal(run(`cat ${setting}`), "1\n");
    assert.equal(host.warnings().length, 1);
  } finally {
    run(`umount ${setting} 2>/dev/null || true`);
  }
});

test("a host that somebody stops forwarding forwards again at once, over every link", { timeout }, async () => {
  await using host = await BadHost.start("a", "b");
  const before = host.loop.figures();
  run("echo 0 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv6/conf/all/forwarding");
  const read = () =>
    run("cd /proc/sys/net; cat ipv4/conf/all/forwarding ipv4/conf/tt?/forwarding ipv6/conf/all/forwarding");
  await eventually(
    () => read() === "1\n".repeat(4),
    () => read(),
  );
  assert.equal(await host.reach("a", "b"), "open");
  await host.untilWell();
  assert.equal(host.loop.figures().audits, before.audits, "nothing else was read");
});
