import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AttachResponse } from "../../src/agent/index.ts";
import { seededRandom } from "../../src/lib/index.ts";
import { TestLab, type Traffic, eventually, startTraffic } from "./lab-harness.ts";
import { agentStatus, askAgent, netnsOf, pidsOf, shell } from "./lab-probes.ts";

/** Workloads born, and agents killed meanwhile; the soak has 1,000 and 200. */
const births = Number(process.env["TORTIE_BIRTHS"] ?? 50);
const kills = Number(process.env["TORTIE_KILLS"] ?? 10);
/** As many fit into the block of addresses that the witness is in, which is all under fire. */
const birthsPerRound = 50;
const blockSize = 64;
const rounds = Math.ceil(births / birthsPerRound);
const random = seededRandom(births);

const segment = `
fabric: { type: segment }
hosts:
  - name: a
    workloads: [{ name: witness }]
  - name: b
    workloads: [{ name: prober }]
`;

const denyAll = `
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: { name: locked }
spec: { selector: locked == 'true', types: [Ingress, Egress] }
`;

test("workloads whose policy denies everything are born under fire while agents die, and not one packet gets in or out", {
  timeout: 180_000 * rounds,
}, async () => {
  await using lab = await TestLab.start("birth", segment);
  await lab.applyResources("a", denyAll);
  const [witness, prober] = [await lab.workload("witness"), await lab.workload("prober")];
  const targets = witness.addresses.flatMap(othersOfBlock);
  const totals = { born: 0, killed: 0, sent: 0, passed: 0, seconds: 0 };
  for (let round = 0; round < rounds; round++) {
    const names = Array.from({ length: Math.min(birthsPerRound, births - totals.born) }, (_, at) => `born-${at + 1}`);
    const inNames = (script: string) => shell(lab, "a", `for name in ${names.join(" ")}; do ${script}; done`);
    await inNames("ip netns add $name");
    const traffic = await fire(lab, names, targets, [...witness.addresses, ...prober.addresses]);
    const [addresses, killed] = await Promise.all([
      giveBirth(lab, names),
      killAgents(lab, Math.ceil((kills * (round + 1)) / rounds) - totals.killed),
    ]);
    const report = await traffic.stop();
    totals.born += names.length;
    totals.killed += killed;
    totals.sent += report.flows.reduce((sum, flow) => sum + flow.sent, 0);
    totals.passed += report.sinks.reduce((sum, sink) => sum + sink.received, 0);
    totals.seconds += report.seconds;
    assert.equal(addresses.length, names.length * 2);
    assert.deepEqual(
      addresses.filter((address) => !targets.includes(address)),
      [],
      "every address was under fire before it was given out",
    );
    assert.equal(totals.passed, 0);
    if (round === rounds - 1) await expectArrival(lab, names, addresses);
    for (const name of names) await askAgent(lab, "a", "/v1/detach", { name });
    await inNames("ip netns del $name");
  }
  console.log(
    `birth: ${totals.born} born, ${totals.killed} agents killed in ${totals.seconds.toFixed(1)} s under ` +
      `${Math.round(totals.sent / totals.seconds)} packets/s (${totals.sent} sent); packets that got through: ${totals.passed}`,
  );
});

/** Inwards from the same host and from another one; outwards from each as soon as its namespace is there. */
function fire(
  lab: TestLab,
  names: readonly string[],
  targets: readonly string[],
  others: readonly string[],
): Promise<Traffic> {
  const inwards = ["prober", "witness"].map((name) => ({
    netns: netnsOf(name),
    to: targets,
    port: 7000,
    packetsPerSecond: 5000,
  }));
  const outwards = names.map((name) => ({ netns: netnsOf(name), to: others, port: 7100, packetsPerSecond: 40 }));
  return startTraffic(lab, "a", {
    sinks: [
      ...["witness", "prober"].map((name) => ({ netns: netnsOf(name), port: 7100 })),
      ...names.map((name) => ({ netns: netnsOf(name), port: 7000 })),
    ],
    flows: [...inwards, ...outwards],
  });
}

/** Some at a time; what a dead agent did not finish is asked for again. The addresses. */
async function giveBirth(lab: TestLab, names: readonly string[]): Promise<string[]> {
  const waiting = [...names];
  const addresses: string[] = [];
  const nurse = async () => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const request = { netns: netnsOf(name), name, labels: { locked: "true" } };
      await eventually(
        `${name} is attached`,
        async () => {
          const born = await askAgent<AttachResponse>(lab, "a", "/v1/attach", request).catch(() => undefined);
          addresses.push(...(born?.addresses ?? []).map((address) => address.replace(/\/.*/, "")));
          return born !== undefined;
        },
        60_000,
      );
      await sleep(random() * 100);
    }
  };
  await Promise.all([nurse(), nurse(), nurse()]);
  return addresses;
}

/** At moments that nobody knows, each time as soon as the agent before is there again. */
async function killAgents(lab: TestLab, count: number): Promise<number> {
  for (let killed = 0; killed < count; killed++) {
    await sleep(random() * 500);
    const pid = (await pidsOf(lab)).get("a");
    await shell(lab, "a", `kill -9 ${pid}`);
    await eventually("the agent is back", async () => {
      const status = await agentStatus(lab, "a");
      return status !== undefined && (await pidsOf(lab)).get("a") !== pid;
    });
  }
  return count;
}

/** Unlocked, the same packets arrive: the fire was real. */
async function expectArrival(lab: TestLab, names: readonly string[], addresses: readonly string[]): Promise<void> {
  await lab.run("a", "tortie", "delete", "globalnetworkpolicy", "locked");
  await eventually("every packet to those unlocked arrives", async () => {
    const trial = await startTraffic(lab, "a", {
      sinks: names.map((name) => ({ netns: netnsOf(name), port: 7000 })),
      flows: [{ netns: netnsOf("prober"), to: addresses, port: 7000, packetsPerSecond: 1000, packets: 200 }],
    });
    const { flows } = await trial.report();
    return flows[0]?.received === 200;
  });
}

/** All of the /26 or /122 but the address itself. */
function othersOfBlock(address: string): string[] {
  const isV6 = address.includes(":");
  const base = isV6 ? 16 : 10;
  const at = address.lastIndexOf(isV6 ? ":" : ".") + 1;
  const last = Number.parseInt(address.slice(at) || "0", base);
  const first = last - (last % blockSize);
  return Array.from({ length: blockSize }, (_, more) => first + more)
    .filter((number) => number !== last)
    .map((number) => `${address.slice(0, at)}${number === 0 && isV6 ? "" : number.toString(base)}`);
}
