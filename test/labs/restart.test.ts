import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TestLab, eventually, startTraffic } from "./lab-harness.ts";
import type { TrafficReport } from "./traffic.ts";

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

/** How often each agent is killed: enough to meet it at different moments; the soak does it a hundred times in all. */
const kills = Number(process.env["TORTIE_RESTARTS"] ?? 2);
/** The allowed packets are spread over so many flows, each of a socket of its own. */
const allowedFlows = 100;
/** How long the flows run without restarts first. */
const controlMs = 2000 + kills * 200;

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
      { netns: netns("outsider"), to: receiver.addresses, port: 7000, packetsPerSecond: 200 },
      ...Array.from({ length: allowedFlows }, () => ({
        netns: netns("sender"),
        to: receiver.addresses,
        port: 7000,
        packetsPerSecond: 1000 / allowedFlows,
      })),
    ],
  };
  // The first packets of a flow wait for neighbours; the measured ones come after them.
  await eventually("the policy is in force", async () => {
    const trial = await startTraffic(lab, "a", {
      ...plan,
      flows: plan.flows.map((flow) => ({ ...flow, packets: 10 })),
    });
    const [forbidden, ...allowed] = (await trial.report()).flows;
    return forbidden?.received === 0 && allowed.every(({ sent, received }) => received === sent);
  });
  const monitors = ["a", "b"].flatMap((host) =>
    [
      ["ip", "monitor", "route", "rule", "nexthop"],
      ["nft", "monitor", "destroy"],
    ].map((command) => {
      const child = lab.spawn(host, ...command);
      let text = "";
      child.stdout.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      return { child, read: () => text };
    }),
  );
  // What the machine itself loses when it is busy is not to be taken for ours.
  const control = await startTraffic(lab, "a", plan);
  await sleep(controlMs);
  const quiet = judge(await control.stop());
  console.log(`restart: without restarts ${quiet.text}`);
  assert.deepEqual([quiet.lost, quiet.refused, quiet.forbidden], [0, 0, 0]);
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
  const deletions = monitors.map(({ read }) =>
    read()
      .split("\n")
      .filter((line) => /^(Deleted|delete|destroy) /.test(line)),
  );
  const found = judge(report);
  console.log(
    `restart: ${kills * 2} kills in ${report.seconds.toFixed(1)} s; ${found.text}; routes and rules deleted: ${deletions.flat().length}`,
  );
  assert.deepEqual(deletions, [[], [], [], []]);
  assert.deepEqual([found.lost, found.refused, found.forbidden], [0, 0, 0]);
});

type Findings = { readonly lost: number; readonly refused: number; readonly forbidden: number; readonly text: string };

/** The first flow is the forbidden one. */
function judge({ flows: [forbidden, ...allowed] }: TrafficReport): Findings {
  const sum = (what: "sent" | "received" | "refused") => allowed.reduce((total, flow) => total + flow[what], 0);
  const text =
    `allowed, ${allowed.length} flows: ${sum("sent")} sent, ${sum("received")} received, ${sum("refused")} refused; ` +
    `forbidden: ${forbidden?.sent} sent, ${forbidden?.received} received`;
  const lost = sum("sent") - sum("received");
  return { lost, refused: sum("refused"), forbidden: forbidden?.received ?? Number.NaN, text };
}

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
