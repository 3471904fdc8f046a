import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { BadHost, eventually, run } from "./bad-host.ts";

const timeout = 60_000;
const yearMs = 365 * 24 * 3600 * 1000;

/** The time of day where it is one, and not a way to measure how long something takes. */
const timeOfDay: Readonly<Record<string, string>> = {
  "src/agent/node-credentials.ts": "when a certificate ends; looked at again at least every so often",
  "src/agent/workloads.ts": "when a released address has cooled down, which all hosts must agree on",
  "src/sys/logger.ts": "what the log shows",
};

test("a clock that jumps by years, forth and back, disturbs nothing that the agent does in the kernel", {
  timeout,
}, async (t) => {
  await using host = await BadHost.start("a", "b");
  const before = host.loop.figures();
  t.mock.timers.enable({ apis: ["Date"], now: 0 });
  for (const [at, nowMs] of [60 * yearMs, 1, 80 * yearMs, 30 * yearMs].entries()) {
    t.mock.timers.setTime(nowMs);
    const name = `late${at}`;
    host.makeLink(name);
    host.giveEndpoint(name);
    await host.untilUp(name);
    assert.equal(await host.reach("a", name), "open");
    assert.equal(host.loop.busyMs() < timeout, true);
  }
  // What fails is tried again at its pace, whatever the clock does meanwhile.
  const failing = host.loop.figures().failedRounds;
  host.faults.routes = (changes) =>
    Promise.resolve(changes.map((change) => ({ change, errno: "ENOMEM", message: "ENOMEM" })));
  run("ip route del 10.10.1.2");
  for (const [at, nowMs] of [1, 90 * yearMs, 2].entries()) {
    await eventually(
      () => host.loop.figures().failedRounds > failing + at,
      () => "it is not tried again",
    );
    t.mock.timers.setTime(nowMs);
  }
  host.faults.routes = undefined;
  await host.untilWell();
  assert.equal(await host.reach("b", "a"), "open");
  assert.equal(host.loop.figures().audits, before.audits);
});

test("no part that works by durations asks for the time of day", () => {
  const parts = "{agent,bfd,bgp,calc,conntrack,dataplane,kernel,lib,netlink,nft,speaker,sys}";
  const sources = globSync(`src/${parts}/**/*.ts`).filter((path) => !/\.test\.ts$|\/testing\//.test(path));
  assert.ok(sources.length > 100);
  const found = sources.filter((path) => /\bDate\.now\b|new Date\(\)/.test(readFileSync(path, "utf8")));
  assert.deepEqual(found.toSorted(), Object.keys(timeOfDay));
});
