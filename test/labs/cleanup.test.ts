import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import { TestLab, eventually, tortie } from "./lab-harness.ts";
import { agentStatus, ping, shell } from "./lab-probes.ts";

const segment = `
fabric: { type: segment }
hosts:
  - name: a
    workloads: [{ name: w-a }]
  - name: b
    workloads: [{ name: w-b }]
`;

let atFirst: string;
let labs: readonly [TestLab, TestLab];

before(async () => {
  atFirst = machine();
  labs = await Promise.all([TestLab.start("twin-1", segment), TestLab.start("twin-2", segment)]);
});

after(async () => {
  for (const lab of labs) await lab[Symbol.asyncDispose]();
});

/** The machine's own network and mounts, as text. */
function machine(): string {
  const commands = [
    "ip -j link",
    "ip -j addr",
    "ip -j route show table all",
    "ip -j -6 route show table all",
    "ip -j rule",
    "ip -j -6 rule",
    "ip -j neigh show nud permanent",
    "ip -j nexthop",
    "nft list ruleset",
    "ls -A /run/netns /run/tortie",
    "cat /proc/self/mounts /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding",
  ];
  return commands
    .map((command) => {
      const { stdout, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
      // What is left of the life of an address or a route that the network has told.
      return `${command}\n${stdout}${stderr}`.replaceAll(
        /"(expires|valid_life_time|preferred_life_time)":[0-9]+,?/g,
        "",
      );
    })
    .join("\n");
}

type Running = { readonly pid: number; readonly command: string; readonly netns: string };

function processes(): Running[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^[0-9]+$/.test(entry)) return [];
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ");
      return [{ pid: Number(entry), command, netns: readlinkSync(`/proc/${entry}/ns/net`) }];
    } catch {
      // It ended meanwhile, or is a thread of the kernel.
      return [];
    }
  });
}

/** All that a lab runs: by the namespaces that its keeper's descendants are in. */
function processesOf(lab: TestLab): Running[] {
  const all = processes();
  const home = readlinkSync("/proc/self/ns/net");
  const members = new Set(
    all.filter(({ command }) => command.includes(`lab keeper --name ${lab.name} `)).map(({ pid }) => pid),
  );
  for (let grown = -1; grown !== members.size; ) {
    grown = members.size;
    for (const { pid } of all) if (members.has(parentOf(pid))) members.add(pid);
  }
  return all.filter(({ pid, netns }) => members.has(pid) && netns !== home);
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch {
    return 0;
  }
}

test("two labs of the same plan work side by side and see nothing of each other", { timeout: 60_000 }, async () => {
  const [first, second] = labs;
  for (const lab of labs) {
    await ping(lab, "w-a", (await lab.workload("w-b")).addresses);
    const other = lab === first ? second : first;
    assert.doesNotMatch(await shell(lab, "a", "ps axww"), new RegExp(`--name ${other.name}`));
    assert.equal((await agentStatus(lab, "a"))?.bgp.peers.length, 2);
  }
  // What is done in one is not seen in the other.
  await shell(first, "a", "ip netns add only-here; ip link add only-here type bridge");
  assert.doesNotMatch(await shell(second, "a", "ip netns; ip link"), /only-here/);
  assert.equal(machine(), atFirst);
});

test("a lab whose keeper is killed leaves no process, namespace, mount or file; the one beside it goes on", {
  timeout: 60_000,
}, async () => {
  const [first, second] = labs;
  const members = processesOf(first);
  // The first shell, the keeper, the server and two agents.
  assert.ok(members.length >= 5, JSON.stringify(members));
  const namespaces = new Set(members.map(({ netns }) => netns));
  const keeper = members.find(({ command }) => /main\.ts lab keeper --name/.test(command));
  assert.ok(keeper !== undefined);
  process.kill(keeper.pid, "SIGKILL");
  await eventually("all of it is gone", async () => {
    return processes().every(
      ({ netns, command }) => !namespaces.has(netns) && !command.includes(`--name ${first.name} `),
    );
  });
  assert.equal((await first.exec("a", "true")).status, 1);
  assert.match((await tortie("lab", "down", first.name)).stdout, /is not running/);
  assert.deepEqual(
    readdirSync(tmpdir()).filter((name) => name.includes(first.name)),
    [],
  );
  await ping(second, "w-a", (await second.workload("w-b")).addresses);
  assert.equal(machine(), atFirst);
});

test("a whole life of a lab changes nothing of the machine's own network", { timeout: 60_000 }, async () => {
  const [, second] = labs;
  const namespaces = new Set(processesOf(second).map(({ netns }) => netns));
  assert.ok(namespaces.size >= 3);
  assert.match((await tortie("lab", "down", second.name)).stdout, /is gone/);
  assert.deepEqual(
    processes().filter(({ netns }) => namespaces.has(netns)),
    [],
  );
  assert.equal(machine(), atFirst);
});
