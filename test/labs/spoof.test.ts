import assert from "node:assert/strict";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ForgePlan, ForgeReport, Forged } from "./forge.ts";
import { TestLab } from "./lab-harness.ts";
import { netnsOf, ping, shell } from "./lab-probes.ts";

const segment = `
fabric: { type: segment }
hosts:
  - name: a
    workloads: [{ name: forger }, { name: beside }]
  - name: b
    workloads: [{ name: far }]
`;

test("whatever source a workload claims that is not its own, no packet of any kind gets to anybody", {
  timeout: 90_000,
}, async () => {
  await using lab = await TestLab.start("spoof", segment);
  const [forger, beside, far] = [await lab.workload("forger"), await lab.workload("beside"), await lab.workload("far")];
  // Neighbours are known from here on: what does not arrive was dropped.
  for (const { addresses } of [beside, far]) await ping(lab, "forger", addresses);
  // Checksums of made-up packets are not looked at.
  for (const host of ["a", "b"]) await shell(lab, host, "echo 0 > /proc/sys/net/netfilter/nf_conntrack_checksum");
  const [own4 = "", own6 = ""] = forger.addresses;
  const hostAddresses = (await shell(lab, "a", "ip -o addr show scope global | awk '{print $4}'"))
    .split("\n")
    .flatMap((cidr) => (cidr === "" ? [] : [cidr.replace(/\/.*/, "")]));
  const forged = [
    // Others of the cluster, hosts, free addresses of the pools, the world.
    ...beside.addresses,
    ...far.addresses,
    ...hostAddresses,
    "10.65.255.7",
    "fd00:65::ffff:7",
    "192.0.2.7",
    "2001:db8::7",
    // Such that nobody may have.
    "0.0.0.0",
    "127.0.0.1",
    "169.254.1.1",
    "169.254.9.9",
    "224.0.0.5",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.65.0.1",
    "fe80::1",
    "fe80::77",
    "ff02::5",
  ];
  const {
    packets: reports,
    asked,
    answered,
  } = await forge(lab, {
    sender: netnsOf("forger"),
    gateway: "169.254.1.1",
    gatewayMac: "ee:ee:ee:ee:ee:ee",
    receivers: [beside, far].map(({ name, addresses }) => ({ netns: netnsOf(name), addresses })),
    sources: [...new Set([own4, own6, ...forged])],
  });
  const isOwn = ({ source }: Forged) => source === own4 || source === own6;
  const [own, others] = [reports.filter(isOwn), reports.filter((report) => !isOwn(report))];
  const kinds = new Set(reports.map(({ kind }) => kind));
  console.log(
    `spoof: ${forged.length} forged sources, ${kinds.size} kinds of packet, ${others.length} packets: ` +
      `${others.filter(({ hasArrived }) => hasArrived).length} arrived; of ${own.length} with its own source ${own.filter(({ hasArrived }) => hasArrived).length}`,
  );
  assert.deepEqual(
    others.filter(({ hasArrived }) => hasArrived),
    [],
  );
  assert.deepEqual(
    own.filter(({ hasArrived }) => !hasArrived),
    [],
    "with its own source each kind of packet arrives",
  );
  // A search for a free address has no source (RFC 5227), and is answered.
  assert.deepEqual(answered, [own4, "0.0.0.0"], `of ${asked.length} that asked for the gateway`);
  const neighbours = await shell(lab, "a", "ip -4 neigh show nud all | grep -v PERMANENT || true");
  for (const source of asked) assert.ok(!neighbours.includes(`${source} `), neighbours);
});

async function forge(lab: TestLab, plan: ForgePlan): Promise<ForgeReport> {
  const child = lab.spawn("a", process.execPath, fileURLToPath(new URL("./forge.ts", import.meta.url)));
  const output = text(child.stdout);
  const complaints = text(child.stderr);
  child.stdin.end(JSON.stringify(plan));
  if (child.exitCode === null) await once(child, "close");
  assert.equal(child.exitCode, 0, await complaints);
  return JSON.parse(await output) as ForgeReport;
}
