import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TestLab, type Traffic, eventually, startTraffic } from "./lab-harness.ts";
import { agentStatus, netnsOf, pidsOf, sendProbes, shell, signalTo, untilSessions } from "./lab-probes.ts";
import type { TrafficPlan } from "./traffic.ts";

const segment = `
fabric: { type: segment }
hosts:
  - name: a
    workloads: [{ name: sender, labels: { role: sender } }, { name: outsider, labels: { role: outsider } }]
  - name: b
    workloads: [{ name: receiver, labels: { role: receiver } }]
`;

const allow = (...roles: string[]) => `
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: { name: receiver, namespace: default }
spec:
  selector: role == 'receiver'
  types: [Ingress]
  ingress: [{ action: Allow, source: { selector: "role in { ${roles.map((role) => `'${role}'`).join(", ")} }" } }]
`;

let lab: TestLab;
let plan: TrafficPlan;

before(async () => {
  lab = await TestLab.start("static", segment);
  const { addresses } = await lab.workload("receiver");
  plan = {
    sinks: [{ netns: netnsOf("receiver"), port: 7000 }],
    flows: ["sender", "outsider"].map((name) => ({
      netns: netnsOf(name),
      to: addresses,
      port: 7000,
      packetsPerSecond: 500,
    })),
  };
});

after(async () => {
  await lab[Symbol.asyncDispose]();
});

/** The policy lets in what it names, in the kernels. */
async function enforce(shares: readonly number[], ...roles: string[]): Promise<void> {
  await lab.applyResources("a", allow(...roles));
  await eventually(`only ${roles.join(" and ")} gets in`, async () => {
    return String(await sendProbes(lab, plan)) === String(shares);
  });
}

async function assertUntouched(traffic: Traffic): Promise<void> {
  const report = await traffic.stop();
  const [allowed, forbidden] = report.flows;
  console.log(
    `fail-static: ${report.seconds.toFixed(1)} s; allowed: ${allowed?.sent} sent, ${allowed?.received} received; ` +
      `forbidden: ${forbidden?.sent} sent, ${forbidden?.received} received`,
  );
  assert.equal(allowed?.refused, 0);
  assert.equal(allowed?.received, allowed?.sent);
  assert.equal(forbidden?.received, 0);
}

test("without the server all goes on, through a restart of the agents too, and what is changed afterwards is followed", {
  timeout: 120_000,
}, async () => {
  await enforce([1, 0], "sender");
  const traffic = await startTraffic(lab, "a", plan);
  // What is no socket in its place keeps the server from coming back.
  await shell(lab, "a", "rm /run/tortie/server.sock && mkdir /run/tortie/server.sock");
  await signalTo(lab, "server");

  for (const command of [
    ["get", "nodes"],
    ["workload", "attach", "--netns", "/run/netns/outsider", "--name", "other", "--interface", "eth1"],
  ]) {
    const done = await lab.exec("a", "tortie", ...command);
    assert.equal(done.status, 3, done.stderr);
    assert.match(done.stderr, /^error: the server does not answer at .*\n$/);
  }
  assert.equal(
    await shell(lab, "a", "ip netns exec outsider ip -br link show eth1 2>&1 || true"),
    'Device "eth1" does not exist.\n',
  );

  for (const host of ["a", "b"]) {
    const status = await untilSessions(lab, host, 2, await signalTo(lab, host));
    assert.equal(status.source, "snapshot");
    assert.deepEqual(status.failures, []);
    assert.deepEqual([...new Set(status.endpoints.map(({ state }) => state))], ["up"]);
  }
  await assertUntouched(traffic);

  await shell(lab, "a", "rmdir /run/tortie/server.sock");
  await eventually("the agents' view comes from the server again", async () => {
    const sources = await Promise.all(["a", "b"].map(async (host) => (await agentStatus(lab, host))?.source));
    return sources.every((source) => source === "server");
  });
  await enforce([1, 1], "sender", "outsider");
});

test("a server that hangs is as good as none: an agent goes on from its snapshot, and follows when it answers again", {
  timeout: 120_000,
}, async () => {
  await enforce([1, 0], "sender");
  const traffic = await startTraffic(lab, "a", plan);
  const server = await signalTo(lab, "server", "STOP");
  // This one is stopped in order, and must not wait for the server either.
  const status = await untilSessions(lab, "b", 2, await signalTo(lab, "b", "TERM"));
  assert.equal(status.source, "snapshot");
  await assertUntouched(traffic);
  await shell(lab, "a", `kill -CONT ${server}`);
  assert.equal((await pidsOf(lab)).get("server"), server);
  await enforce([1, 1], "sender", "outsider");
  await eventually(
    "the agent's view comes from the server",
    async () => (await agentStatus(lab, "b"))?.source === "server",
  );
});
