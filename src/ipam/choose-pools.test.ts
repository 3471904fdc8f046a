import assert from "node:assert/strict";
import { test } from "node:test";
import type { IPPool, Labels } from "../resources/index.ts";
import { type PoolQuestion, choosePools } from "./choose-pools.ts";
import { cidr, pool } from "./testing/objects.ts";

function choose(pools: readonly IPPool[], rest: Partial<PoolQuestion> = {}, labels: Labels = {}): string[] | string {
  const choice = choosePools({
    pools,
    version: 4,
    requested: undefined,
    use: "Workload",
    node: { name: "n", labels },
    namespaceLabels: {},
    ...rest,
  });
  return choice.ok
    ? choice.value.usable.map(({ metadata }) => metadata.name)
    : choice.problems.map((one) => one.message).join();
}

test("pools of the version that are enabled, automatic and select the node serve by name", () => {
  const pools = [
    pool("d", "10.4.0.0/16"),
    pool("b", "10.2.0.0/16", { nodeSelector: "rack == 'x'" }),
    pool("a", "10.1.0.0/16", { assignmentMode: "Manual" }),
    pool("c", "10.3.0.0/16", { nodeSelector: "" }),
    pool("e", "10.5.0.0/16", { disabled: true }),
    pool("f", "fd00::/64"),
    pool("g", "10.7.0.0/16", { namespaceSelector: "has(team)" }),
  ];
  assert.deepEqual(choose(pools), ["c", "d"]);
  assert.deepEqual(choose(pools, {}, { rack: "x" }), ["b", "c", "d"]);
  assert.deepEqual(choose(pools, { namespaceLabels: { team: "" } }), ["c", "d", "g"]);
  assert.deepEqual(choose(pools, { version: 6 }), ["f"]);
});

test("pools asked for are held to their uses and to being enabled, not to their selectors", () => {
  const pools = [
    pool("a", "10.1.0.0/16", { nodeSelector: "!all()", assignmentMode: "Manual" }),
    pool("b", "10.2.0.0/16", { allowedUses: ["Tunnel"] }),
    pool("c", "10.3.0.0/16", { disabled: true }),
  ];
  const [a, b, c] = pools.map((one) => one.spec.cidr);
  assert.deepEqual(choose(pools, { requested: [a!] }), ["a"]);
  assert.deepEqual(choose(pools, { requested: [b!, a!] }), ["a"]);
  assert.deepEqual(choose(pools, { requested: [b!, a!], use: "Tunnel" }), ["b", "a"]);
  assert.match(
    choose(pools, { requested: [b!] }) as string,
    /no IPv4 pool is for Workload addresses.*pool b .*Tunnel only/,
  );
  assert.match(choose(pools, { requested: [a!, c!] }) as string, /requested pool 10\.3\.0\.0\/16 is disabled/);
  assert.match(choose(pools, { requested: [cidr("10.9.0.0/16")] }) as string, /10\.9\.0\.0\/16 does not exist/);
  assert.match(choose(pools, { requested: [cidr("fd00::/64")] }) as string, /is not an IPv4 pool/);
});

test("what is wrong with every pool is told", () => {
  assert.match(choose([]) as string, /no enabled IPv4 pool/);
  assert.match(
    choose([pool("a", "10.1.0.0/16", { disabled: true })]) as string,
    /pool a \(10\.1\.0\.0\/16\) is disabled/,
  );
  assert.match(
    choose([pool("a", "10.1.0.0/16", { nodeSelector: "rack ==" })]) as string,
    /nodeSelector that cannot be read/,
  );
  assert.match(choose([pool("a", "10.1.0.0/27")]) as string, /smaller than one of its blocks/);
});
