import assert from "node:assert/strict";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import type { AttachResponse } from "../../src/agent/index.ts";
import { TestLab, eventually } from "./lab-harness.ts";
import { askAgent, netnsOf, shell } from "./lab-probes.ts";

const segment = `
fabric: { type: segment }
hosts:
  - name: a
    workloads: [{ name: listener, labels: { role: listener } }]
  - name: b
    workloads: [{ name: talker }]
`;

let lab: TestLab;

before(async () => {
  lab = await TestLab.start("flows", segment);
});

after(async () => {
  await lab[Symbol.asyncDispose]();
});

const policy = (annotations: string, ports: string) => `
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: { name: listener, namespace: default, annotations: ${annotations} }
spec:
  selector: role == 'listener'
  types: [Ingress]
  ingress: [{ action: Allow, protocol: TCP, destination: { ports: ${ports} } }]
`;

/** Answers every line at two ports; or says lines of its own over and over, and prints what comes back. */
const answerer = `
  for (const port of [7001, 7002]) require("node:net").createServer((s) => s.on("error", () => 0).pipe(s)).listen(port, "::");
  console.log("ready");`;
const asker = (address: string, port: number) => `
  const s = require("node:net").connect(${port}, "${address}");
  s.on("error", (e) => console.log("error " + e.code));
  s.on("data", (d) => console.log("answer"));
  setInterval(() => s.write("x"), 100);`;

function start(place: string, script: string): { child: ChildProcessWithoutNullStreams; lines: string[] } {
  const child = lab.spawn(place, process.execPath, "-e", script);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  return { child, lines };
}

test("a connection that a policy comes to forbid goes on, unless the policy says that it is to end", {
  timeout: 90_000,
}, async () => {
  await lab.applyResources("a", policy("{}", "[7001, 7002]"));
  const server = start("listener", answerer);
  await eventually("it listens", async () => server.lines.includes("ready"));
  const { addresses } = await lab.workload("listener");
  const talks = addresses.flatMap((address) =>
    [7001, 7002].map((port) => ({ port, ...start("talker", asker(address, port)) })),
  );
  const isAnswered = async (talk: (typeof talks)[number]) => {
    const before = talk.lines.length;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return talk.lines.length > before;
  };
  const answered = async () => (await Promise.all(talks.map(isAnswered))).map((yes, at) => yes && talks[at]!.port);
  await eventually("all are answered", async () => (await answered()).every(Boolean));
  // Forbidden, and going on.
  await lab.applyResources("a", policy("{}", "[7002]"));
  await eventually("the policy is in force", async () =>
    (await shell(lab, "a", "nft list ruleset")).includes("dport 7002"),
  );
  assert.deepEqual(await answered(), [7001, 7002, 7001, 7002]);
  await lab.applyResources("a", policy(`{ tortie/cut-flows: "true" }`, "[7002]"));
  await eventually("what is forbidden has ended", async () => String(await answered()) === "false,7002,false,7002");
  for (const { child } of [server, ...talks]) {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, "close");
  }
  await lab.run("a", "tortie", "delete", "networkpolicy", "listener");
});

test("who gets an address that another had gets none of its connections", { timeout: 60_000 }, async () => {
  await shell(lab, "a", "for name in first second; do ip netns add $name; done");
  const tracked = async (address: string) => {
    const expanded = address.includes(":") ? "-f ipv6" : "-f ipv4";
    const all = await shell(lab, "a", `cat /proc/net/nf_conntrack # ${expanded}`);
    return all.split("\n").filter((line) => line.includes("dport=7009") && line.includes(full(address))).length;
  };
  const attached = await askAgent<AttachResponse>(lab, "a", "/v1/attach", { netns: netnsOf("first"), name: "first" });
  const addresses = attached.addresses.map((address) => address.replace(/\/.*/, ""));
  for (const address of addresses) {
    const send = `require("node:dgram").createSocket("${address.includes(":") ? "udp6" : "udp4"}").send("x", 7009, "${address}", () => process.exit())`;
    await lab.run("talker", process.execPath, "-e", send);
    await eventually(`a connection to ${address} is known`, async () => (await tracked(address)) > 0);
  }
  await askAgent(lab, "a", "/v1/detach", { name: "first" });
  for (const address of addresses)
    await eventually(`no connection of ${address} is known`, async () => (await tracked(address)) === 0);
});

/** As the kernel writes IPv6 addresses there. */
function full(address: string): string {
  if (!address.includes(":")) return `=${address} `;
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const [left, right] = [groups(head), groups(tail)];
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0");
  return `=${[...left, ...zeros, ...right].map((group) => group.padStart(4, "0")).join(":")} `;
}
