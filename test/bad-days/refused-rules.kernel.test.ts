import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BadHost, decode, eventually, mostAttempts, run } from "./bad-host.ts";
import { refusal } from "./faults.ts";

const timeout = 60_000;

test("a chain that a rule of somebody else has come to use is gone after the next try", { timeout }, async () => {
  await using host = await BadHost.start("a", "b", "c");
  let strangers = 0;
  // Between the reading of the table and the change of it: the kernel itself says EBUSY.
  host.faults.nft = async (changes, next) => {
    const gone = changes.find((change) => change.type === "deleteChain");
    if (gone?.type === "deleteChain" && strangers++ === 0)
      run(`nft add chain inet tortie stranger; nft add rule inet tortie stranger jump ${gone.chain}`);
    await next();
  };
  host.takeEndpoint("c");
  await eventually(
    () => host.loop.figures().failedRounds === 1,
    () => "the kernel took all",
  );
  assert.equal(await host.reach("a", "b"), "open");
  await host.untilWell();
  assert.equal(await host.reach("a", "b"), "open");
  assert.doesNotMatch(run("nft list ruleset"), /stranger|ttc/);
  assert.equal(host.warnings().length, 1);
  assert.match(host.warnings()[0] ?? "", /^not programmed, will be tried again: the kernel refused .*: EBUSY$/);
});

test("sets of our names that are of another type, or too small for what is in them, are made anew", {
  timeout,
}, async () => {
  await using host = await BadHost.start("a", "closed");
  const members = (...nets: string[]) =>
    decode({ kind: "GlobalNetworkSet", metadata: { name: "guests", labels: { role: "guest" } }, spec: { nets } });
  host.give(members("192.0.2.0/24", "198.51.100.0/24"));
  host.give(
    decode({
      kind: "GlobalNetworkPolicy",
      metadata: { name: "guests" },
      spec: {
        selector: "closed == 'yes'",
        types: ["Ingress"],
        ingress: [{ action: "Deny", source: { selector: "role == 'guest'" } }],
      },
    }),
  );
  const guests = () =>
    /set (\S+) \{[^}]*elements = \{ 192\.0\.2\.0\/24,/.exec(run("nft list sets table inet tortie"))?.[1];
  await eventually(
    () => guests() !== undefined,
    () => "no set of the guests",
  );
  const name = guests() ?? "";
  // Sets are listed in the order in which they were made.
  const holders = () => run("nft -s list table inet tortie | sort");
  await host.untilWell();
  const before = holders();
  for (const shape of ["type inet_service;", "type ipv4_addr; flags interval; size 1;"]) {
    run(
      `nft flush table inet tortie; nft delete set inet tortie ${name}; nft add set inet tortie ${name} '{ ${shape} }'`,
    );
    await eventually(
      () => holders() === before,
      () => `${shape} not mended: ${host.loop.failures().join("; ")}`,
    );
    await host.untilWell();
    assert.equal(await host.reach("closed", "a"), "open");
    assert.equal(await host.reach("a", "closed", 2), "closed");
  }
  // The second one the kernel refuses for what no reading of the set tells.
  assert.ok(host.warnings().length <= 1, host.warnings().join("\n"));
});

test("rules that the kernel has no room for are tried at the pace of the back-off, and those of before stay in force", {
  timeout,
}, async () => {
  await using host = await BadHost.start("a", "b", "closed");
  const startedMs = performance.now();
  const before = host.calls.nft;
  host.faults.nft = () => Promise.reject(refusal("the kernel refused a transaction", "ENOSPC"));
  host.makeLink("late");
  host.giveEndpoint("late");
  await eventually(
    () => host.calls.nft - before >= 3,
    () => "the kernel was not asked again",
  );
  // What comes meanwhile does not make it faster.
  for (let flap = 0; flap < 20; flap++) {
    run("ip link set ttlate alias flap; ip address add 203.0.113.1/32 dev lo; ip address del 203.0.113.1/32 dev lo");
    await sleep(10);
  }
  assert.equal(await host.reach("a", "b"), "open");
  assert.equal(await host.reach("a", "closed", 1), "closed");
  assert.equal(host.isUp("late"), false);
  assert.match(run("ip -o link show ttlate"), /state DOWN/);
  const attempts = host.calls.nft - before;
  assert.ok(attempts <= mostAttempts(performance.now() - startedMs), `${attempts} attempts`);
  assert.equal(host.loop.failures().length, 1);
  assert.equal(host.loop.figures().failedRounds, attempts);
  host.faults.nft = undefined;
  await host.untilUp("late");
  await host.untilWell();
  assert.equal(await host.reach("a", "late"), "open");
  assert.equal(host.warnings().length, 1, host.warnings().join("\n"));
});
