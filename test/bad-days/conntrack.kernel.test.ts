import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { openNetlink } from "../../src/sys/index.ts";
import { forgetConnections } from "../policy/forget-connections.ts";
import { BadHost, eventually, mostAttempts } from "./bad-host.ts";
import { type Faults, refusal } from "./faults.ts";
import { fillConntrack } from "./fill-conntrack.ts";

const timeout = 60_000;
/** Filling a larger table would take longer than the whole test should. */
const maxFilled = 600_000;

const readNumber = (name: string) => Number(readFileSync(`/proc/sys/net/netfilter/${name}`, "utf8"));

test("endpoints come up while the kernel's table of connections is full, and connections are made when there is room", {
  timeout,
  skip: readNumber("nf_conntrack_max") > maxFilled ? "the table of this kernel is too large to be filled" : false,
}, async () => {
  await using host = await BadHost.start("a", "b");
  assert.equal(await host.reach("a", "b"), "open");
  const max = readNumber("nf_conntrack_max");
  fillConntrack(0, max + 100);
  assert.ok(readNumber("nf_conntrack_count") >= max, "the table is full");
  assert.equal(await host.reach("a", "b", 1), "closed");
  host.makeLink("c");
  host.giveEndpoint("c");
  host.takeEndpoint("b");
  await host.untilUp("a", "c");
  await host.untilWell();
  // Those of the workload that has gone were ended, or thrown out by the kernel for want of room before: there is some now.
  fillConntrack(max, max + 400);
  assert.equal(await host.reach("a", "c", 1), "closed");
  using netfilter = openNetlink({ protocol: "netfilter" });
  forgetConnections(netfilter);
  assert.equal(await host.reach("a", "c"), "open");
  assert.equal(await host.reach("a", "b", 1), "closed");
  assert.deepEqual(host.warnings(), []);
});

test("a kernel that does not tell its connections keeps nothing from being done; it is said once, and asked again at the pace of the back-off", {
  timeout,
}, async () => {
  const startedMs = performance.now();
  const looks = { ofGone: 0, ofForbidden: 0 };
  // What ends connections of addresses that have gone asks for those of one address; what judges them asks for all.
  const flows: Faults["flows"] = (filter) => {
    const isJudging = "version" in filter;
    looks[isJudging ? "ofForbidden" : "ofGone"]++;
    return Promise.reject(refusal(isJudging ? "judging" : "reading", "EINVAL"));
  };
  await using host = await BadHost.startWith({ faults: { flows }, cutsFlows: true }, "a", "closed");
  assert.equal(await host.reach("closed", "a"), "open");
  assert.equal(await host.reach("a", "closed", 1), "closed");
  host.makeLink("c");
  host.giveEndpoint("c");
  await host.untilUp("c");
  assert.equal(await host.reach("a", "c"), "open");
  await eventually(
    () => looks.ofForbidden >= 2,
    () => "it is not tried again",
  );
  assert.deepEqual(host.loop.failures(), ["reading: EINVAL", "judging: EINVAL"]);
  // A round asks once; those of the events of the links come at once.
  const elapsedMs = performance.now() - startedMs;
  const { rounds, failedRounds } = host.loop.figures();
  assert.ok(looks.ofGone <= rounds, `${looks.ofGone} looks in ${rounds} rounds`);
  assert.ok(rounds <= 25 + mostAttempts(elapsedMs), `${rounds} rounds`);
  assert.ok(looks.ofForbidden <= 2 + elapsedMs / 1000, `${looks.ofForbidden} looks`);
  assert.ok(failedRounds >= rounds - 1);
  assert.deepEqual(host.warnings().toSorted(), [
    "forbidden connections were not ended, will be tried again: judging: EINVAL",
    "not programmed, will be tried again: reading: EINVAL",
  ]);
  host.faults.flows = undefined;
  await host.untilWell();
  assert.equal(host.warnings().length, 2);
});
