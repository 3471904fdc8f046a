import assert from "node:assert/strict";
import { test } from "node:test";
import { TestLab, eventually, startTraffic } from "./lab-harness.ts";

const segment = `
fabric: { type: segment }
hosts:
  - name: a
    workloads: [{ name: sender }, { name: outsider }]
  - name: b
    workloads: [{ name: receiver, labels: { role: receiver } }]
`;

const onlyFromSender = `
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: { name: only-from-sender, namespace: default }
spec:
  selector: role == 'receiver'
  types: [Ingress]
  ingress: [{ action: Allow, protocol: UDP, source: { nets: [SENDER4] } }, { action: Allow, protocol: UDP, source: { nets: ["SENDER6"] } }]
`;

/** How often each agent is killed: enough to meet it at different moments; the soak does it a hundred times. */
const kills = Number(process.env["TORTIE_RESTARTS"] ?? 2);

test("a killed and restarted agent loses no packet, deletes no route and never opens the policy", {
  timeout: 60_000 + kills * 30_000,
}, async () => {
  await using lab = await TestLab.start("restart", segment);
  const [sender, receiver] = [await lab.workload("sender"), await lab.workload("receiver")];
  const [sender4 = "", sender6 = ""] = sender.addresses;
  await lab.applyResources(
    "a",
    onlyFromSender.replace("SENDER4", `${sender4}/32`).replace("SENDER6", `${sender6}/128`),
  );
  const netns = (name: string) => `/run/netns/${name}`;
  const plan = {
    sinks: [{ netns: netns("receiver"), port: 7000 }],
    flows: [
      { netns: netns("sender"), to: receiver.addresses, port: 7000, packetsPerSecond: 1000 },
      { netns: netns("outsider"), to: receiver.addresses, port: 7000, packetsPerSecond: 200 },
    ],
  };
  // The first packets of a flow wait for neighbours; the measured ones come after them.
  await eventually("the policy is in force", async () => {
    const trial = await startTraffic(lab, "a", {
      ...plan,
      flows: plan.flows.map((flow) => ({ ...flow, packets: 100 })),
    });
    const { flows } = await trial.report();
    return flows[1]?.received === 0 && flows[0]?.received === flows[0]?.sent;
  });
  const monitors = ["a", "b"].map((host) => {
    const child = lab.spawn(host, "ip", "monitor", "route", "rule", "nexthop");
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    return { child, read: () => text };
  });
  const traffic = await startTraffic(lab, "a", plan);
  for (let kill = 0; kill < kills; kill++) {
    for (const host of ["a", "b"]) {
      const before = await agentOf(lab, host);
      await lab.run(host, "kill", "-9", String(before.pid));
      await eventually(
        `the agent of ${host} is back and its sessions stand`,
        async () => {
          const now = await agentOf(lab, host);
          return now.pid !== before.pid && now.state === "running" && now.established === 2;
        },
        30_000,
      );
    }
  }
  const report = await traffic.stop();
  for (const { child } of monitors) child.kill();
  const [allowed, forbidden] = report.flows;
  const deletions = monitors.map(({ read }) =>
    read()
      .split("\n")
      .filter((line) => line.startsWith("Deleted")),
  );
  console.log(
    `restart: ${kills * 2} kills in ${report.seconds.toFixed(1)} s; allowed flow: ${allowed?.sent} sent, ${allowed?.received} received, ` +
      `${allowed?.refused} refused; forbidden flow: ${forbidden?.sent} sent, ${forbidden?.received} received; routes deleted: ${deletions.flat().length}`,
  );
  assert.equal(allowed?.refused, 0);
  assert.equal(allowed?.received, allowed?.sent);
  assert.equal(forbidden?.received, 0);
  assert.deepEqual(deletions, [[], []]);
});

async function agentOf(lab: TestLab, name: string): Promise<{ pid: number; state: string; established: number }> {
  const status = await lab.status();
  const hosts = status["hosts"] as {
    name: string;
    agent: { pid: number; state: string };
    sessions: { established: number };
  }[];
  const host = hosts.find((candidate) => candidate.name === name);
  assert.ok(host);
  return { pid: host.agent.pid, state: host.agent.state, established: host.sessions.established };
}
