import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CalcGraph } from "../calc/index.ts";
import { type Resource, keyOf } from "../resources/index.ts";
import { type Table, runTable } from "../nft/index.ts";
import { HostDataplane } from "./host-dataplane.ts";
import { cluster, here, packet } from "./testing/cluster.ts";
import { Judge } from "./testing/judge-packet.ts";

function tableOf(resources: readonly Resource[]): Table {
  const graph = new CalcGraph({ node: here });
  for (const resource of resources) graph.onResource(keyOf(resource), resource);
  graph.onSynced();
  const dataplane = new HostDataplane();
  for (const message of graph.flush()) dataplane.onCalc(message);
  return dataplane.wanted().table;
}

test("the table does with every packet what the policies say", () => {
  let allowed = 0;
  let total = 0;
  fc.assert(
    fc.property(cluster, fc.array(packet, { minLength: 20, maxLength: 20 }), (resources, packets) => {
      const judge = new Judge(resources, here);
      const table = tableOf(resources);
      for (const one of packets) {
        const expected = judge.judge(one);
        total++;
        if (expected.verdict === "accept") allowed++;
        const { verdict, logged } = runTable(table, one);
        assert.deepEqual({ verdict, logged }, expected, JSON.stringify(one));
      }
    }),
    { numRuns: 500 },
  );
  // Neither everything nor nothing gets through, or the test would prove little.
  assert.ok(allowed > total / 10 && allowed < (total * 9) / 10, `${allowed} of ${total} were allowed`);
});
