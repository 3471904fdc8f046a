import assert from "node:assert/strict";
import { test } from "node:test";
import { compile } from "./compile.ts";
import { findDisagreement, makeVariedCase } from "./comparison.ts";
import { shrink } from "./shrink.ts";

/** Ways in which a packet's fate is decided, as they begin in reasons. */
const ways: readonly string[] = [
  "normal, tier default, NetworkPolicy",
  "normal, tier default, GlobalNetworkPolicy",
  "normal, tier default, KubernetesNetworkPolicy",
  "normal, tier kube-admin, KubernetesClusterNetworkPolicy",
  "normal, tier kube-baseline, KubernetesClusterNetworkPolicy",
  "normal, tier alpha",
  "normal, tier default, ingress end",
  "normal, tier omega, egress end",
  "forward, tier",
  "untracked, tier",
  "preDnat, tier",
  "Profile /own",
  "nothing allows it",
  "connection that goes on",
  "invalid",
  "VXLAN",
  "IP in IP",
  "forged source",
  "a router's or server's word",
  "from an interface of no workload",
  "to an interface of no workload",
  "from a workload to its host",
  "answer to the host",
  "from the host to a workload",
  "discovery of neighbours",
  "vital ICMPv6",
  "failsafe port: on",
  "failsafe port, untracked",
  "failsafe port, pre-DNAT",
  "no policy on forward",
  "no host endpoint",
  "the host with itself",
];

test("the table does with every packet what the policies mean, in every way in which a packet's fate is decided", () => {
  const missing = new Set(ways);
  let [accepted, total, logged] = [0, 0, 0];
  for (let seed = 5000; seed < 5200; seed++) {
    const { resources, packets, expected } = makeVariedCase(seed, 60);
    const disagreement = findDisagreement(compile(resources), packets, expected);
    assert.equal(disagreement, undefined, `seed ${seed}: ${JSON.stringify(disagreement)}`);
    total += packets.length;
    accepted += expected.filter(({ verdict }) => verdict === "accept").length;
    logged += expected.filter((judgement) => judgement.logged.length > 0).length;
    for (const way of missing) {
      if (expected.some(({ reasons }) => reasons.some((reason) => reason.startsWith(way)))) missing.delete(way);
    }
  }
  assert.deepEqual([...missing], []);
  assert.ok(accepted > total / 5 && accepted < (total * 4) / 5, `${accepted} of ${total} were accepted`);
  assert.ok(logged > total / 250, `${logged} of ${total} were logged`);
});

test("what fails is made as small as it fails", async () => {
  const objects = [1, 2, 3, 4, 5].map((n) => ({
    kind: "Thing",
    metadata: { name: `n${n}` },
    spec: { list: [n, n + 1, { deep: n }], other: n },
  }));
  const isFailing = (some: readonly object[]) => JSON.stringify(some).includes('"deep":4');
  const small = await shrink(objects, isFailing);
  assert.deepEqual(small, [{ kind: "Thing", metadata: {}, spec: { list: [{ deep: 4 }] } }]);
});
