import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { labStatus } from "./ask-status.ts";
import { type RunningLab, endLab, findLab, findLabs } from "./find-labs.ts";
import { labDown } from "./lab-down.ts";
import { enterLab } from "./lab-exec.ts";
import { labUp } from "./lab-up.ts";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "tortie-lab-test-"));
const testProgram = fileURLToPath(new URL("testing/lab-program.ts", import.meta.url));
const program = [process.execPath, "--disable-warning=ExperimentalWarning", testProgram] as const;

const segment = { name: "seg", hosts: [{ name: "a", workloads: [{ name: "w" }] }, { name: "b" }] };
const spines = { name: "spn", fabric: { type: "spines", count: 2 }, hosts: [{ name: "a" }, { name: "b" }] };

after(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  for (const lab of ownLabs()) await endLab(lab);
});

/** Not those of whoever runs the tests. */
function ownLabs(): RunningLab[] {
  return findLabs().filter(({ name }) => ["seg", "spn", "twin", "none"].includes(name));
}

/** Brings up a bare lab and gives what was printed, without times. */
async function up(lab: { readonly name: string; readonly [member: string]: unknown }): Promise<string[]> {
  const target = join(folder, `${lab.name}.yaml`);
  writeFileSync(target, stringify(lab));
  const lines: string[] = [];
  await labUp({
    target,
    isBare: true,
    program: [...program],
    print: (line) => lines.push(line),
  });
  return lines
    .filter((line) => !line.includes("is up; look around"))
    .map((line) => line.replace(/ \([0-9.]+ s\)$/, ""));
}

async function inside(lab: string, place: string, ...command: string[]): Promise<string> {
  const { file, args, env } = enterLab({ lab, place, command });
  return (await run(file, args, { env })).stdout;
}

async function ping(lab: string, place: string, ...addresses: string[]): Promise<void> {
  await Promise.all(addresses.map((address) => inside(lab, place, "ping", "-c", "1", "-W", "1", address)));
}

test("hosts on one segment reach each other over both IP versions", async () => {
  assert.deepEqual(await up(segment), ["2 hosts wired to one segment"]);
  await ping("seg", "a", "172.30.0.2", "fd00:30::2");
  await ping("seg", "b", "172.30.0.1", "fd00:30::1");
  assert.match((await labStatus({})).text, /^lab seg: 2 hosts on one segment, 1 workload\n/);
  assert.equal(
    await inside("seg", "w", "ip", "-o", "link", "show", "up"),
    await inside("seg", "w", "ip", "-o", "link"),
  );
});

test("a host on a routed fabric reaches both its spines, and they reach its own address", async () => {
  assert.deepEqual(await up(spines), ["2 hosts wired to 2 spines"]);
  await ping("spn", "b", "172.31.0.4", "172.31.16.4", "fd00:31:0:1::4", "fd00:31:0:2::4");
  await ping("spn", "spine-2", "172.30.0.1", "172.30.0.2", "fd00:30::1", "fd00:30::2");
});

test("a changed file changes what differs, and the same file nothing", async () => {
  await up(spines);
  const before = await inside("spn", "b", "ip", "-o", "addr");
  assert.deepEqual(await up(spines), ["nothing to do"]);
  const changed = { ...spines, fabric: { type: "spines", count: 3 }, hosts: [{ name: "b" }, { name: "c" }] };
  const lines = await up(changed);
  assert.deepEqual(lines, ["host a removed", "spine spine-3 added", "host c added", "1 host wired to 3 spines"]);
  await ping("spn", "spine-3", "172.30.0.2", "172.30.0.1", "fd00:30::2", "fd00:30::1");
  const later = await inside("spn", "b", "ip", "-o", "addr", "show", "dev", "eth0");
  assert.ok(
    later.split("\n").every((line) => before.includes(line.replace(/ tentative/, "")) || line.includes("fe80::")),
  );
  await assert.rejects(up({ ...segment, name: "spn" }), /fabric/);
  await assert.rejects(inside("spn", "a", "true"), { code: "TT_LAB" });
});

test("two labs with the same addresses live side by side", async () => {
  await Promise.all([up(segment), up({ ...segment, name: "twin", hosts: [{ name: "a" }] })]);
  await ping("seg", "a", "172.30.0.2");
  await assert.rejects(ping("twin", "a", "172.30.0.2"));
  await assert.rejects(labStatus({}), /several labs are running: seg, twin/);
  const lines: string[] = [];
  await labDown({ name: "twin", print: (line) => lines.push(line) });
  await labDown({ name: "twin", print: (line) => lines.push(line) });
  assert.deepEqual(lines, ["lab twin is gone", "lab twin is not running"]);
  assert.deepEqual(
    ownLabs().map(({ name }) => name),
    ["seg"],
  );
});

test("two starts of the same lab at the same time give one lab", async () => {
  const outcomes = await Promise.allSettled([up(segment), up(segment), up(segment)]);
  assert.ok(outcomes.some(({ status }) => status === "fulfilled"));
  assert.equal(findLab("seg")?.holderPids.length, 1);
  await ping("seg", "a", "172.30.0.2");
});

test("whichever of a lab's own processes is killed, the whole lab ends and nothing is left", async () => {
  for (const victim of [0, 1, 2]) {
    await up(segment);
    const { pids } = findLab("seg") ?? assert.fail();
    assert.equal(pids.length, 3);
    const { file, args } = enterLab({ lab: "seg", place: "a", command: ["sleep", "60"] });
    const sleeper = run(file, args).catch((error: { code?: number | string; signal?: string }) => error);
    process.kill(pids[victim]!, "SIGKILL");
    await sleeper;
    await endLab({ name: "seg", pids, holderPids: [], entryPid: undefined });
    assert.deepEqual(ownLabs(), []);
  }
});

test("the exit status of a command inside is that of the command outside", async () => {
  await up(segment);
  await assert.rejects(inside("seg", "b", "sh", "-c", "exit 7"), { code: 7 });
  assert.equal((await inside("seg", "b", "pwd")).trim(), process.cwd());
});

test("a lab that cannot start says why and leaves nothing behind", async () => {
  const target = join(folder, "none.yaml");
  writeFileSync(target, stringify({ ...segment, name: "none" }));
  const print = () => undefined;
  await assert.rejects(
    labUp({ target, isBare: true, program: ["/nowhere/tortie"], print }),
    /could not be started: .*\/nowhere\/tortie/s,
  );
  assert.deepEqual(ownLabs(), []);
});
