import assert from "node:assert/strict";
import { test } from "node:test";
import { TestLab, eventually, startTraffic } from "./lab-harness.ts";

const births = 50;

const lab = (born: readonly string[]) => `
fabric: { type: segment }
hosts:
  - name: a
    workloads: [${["{ name: witness, labels: { role: witness } }", ...born.map((name) => `{ name: ${name}, labels: { locked: "true" } }`)].join(", ")}]
  - name: b
    workloads: [{ name: prober, labels: { role: prober } }]
`;

const denyAll = `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: { name: locked }
spec: { selector: locked == 'true', types: [Ingress, Egress] }
`;

test("workloads whose policy denies everything are born under fire, and not one packet gets in or out", {
  timeout: 180_000,
}, async () => {
  await using network = await TestLab.start("birth", lab([]));
  await network.applyResources("a", denyAll);
  const [witness, prober] = [await network.workload("witness"), await network.workload("prober")];
  // The born ones get the next addresses of the block that the witness is in.
  const futures = witness.addresses.flatMap((address) => addressesBehind(address, births));
  const names = Array.from({ length: births }, (_, at) => `born-${at + 1}`);
  const netns = (name: string) => `/run/netns/${name}`;
  const traffic = await startTraffic(network, "a", {
    sinks: [
      { netns: netns("witness"), port: 7100 },
      { netns: netns("prober"), port: 7100 },
      ...names.map((name) => ({ netns: netns(name), port: 7000 })),
    ],
    flows: [
      // Inwards, from the same host and from another one.
      { netns: netns("prober"), to: futures, port: 7000, packetsPerSecond: 5000 },
      { netns: netns("witness"), to: futures, port: 7000, packetsPerSecond: 5000 },
      // Outwards, from each born workload as soon as its namespace is there; 2,000 a second in all.
      ...names.map((name) => ({
        netns: netns(name),
        to: [...witness.addresses, ...prober.addresses],
        port: 7100,
        packetsPerSecond: 40,
      })),
    ],
  });
  await network.apply(lab(names));
  const status = await network.status();
  const bornAddresses = status.workloads
    .filter(({ name }) => name.startsWith("born-"))
    .flatMap(({ addresses }) => addresses);
  const hit = bornAddresses.filter((address) => futures.includes(address)).length;
  const report = await traffic.stop();
  const sent = report.flows.reduce((sum, flow) => sum + flow.sent, 0);
  const passed = report.sinks.reduce((sum, sink) => sum + sink.received, 0);
  console.log(
    `birth: ${births} born in ${report.seconds.toFixed(1)} s under ${Math.round(sent / report.seconds)} packets/s (${sent} sent), ` +
      `${hit} of ${bornAddresses.length} addresses were probed before they existed; packets that got through: ${passed}`,
  );
  assert.equal(bornAddresses.length, births * 2);
  assert.equal(hit, births * 2);
  assert.equal(passed, 0);
  await network.run("a", "tortie", "delete", "globalnetworkpolicy", "locked");
  await eventually("unlocked, the same packets arrive: the probes were real", async () => {
    const trial = await startTraffic(network, "a", {
      sinks: names.map((name) => ({ netns: netns(name), port: 7000 })),
      flows: [{ netns: netns("prober"), to: bornAddresses, port: 7000, packetsPerSecond: 1000, packets: 200 }],
    });
    const { flows } = await trial.report();
    return flows[0]?.received === 200;
  });
});

/** The addresses that follow in the same /26 or /122. */
function addressesBehind(address: string, count: number): string[] {
  const separator = address.includes(":") ? ":" : ".";
  const base = separator === ":" ? 16 : 10;
  const at = address.lastIndexOf(separator) + 1;
  const last = Number.parseInt(address.slice(at) || "0", base);
  return Array.from({ length: count }, (_, more) => `${address.slice(0, at)}${(last + more + 1).toString(base)}`);
}
