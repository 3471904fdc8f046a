import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openNftSocket } from "../../src/kernel/index.ts";
import { requireOwnNamespace } from "../../src/kernel/testing/own-namespace.ts";
import { addressSet, diffTables, encodeChanges } from "../../src/nft/index.ts";
import { addressFromBigInt } from "../../src/lib/index.ts";
import { openNetlink } from "../../src/sys/index.ts";
import { eventually } from "../labs/lab-harness.ts";

// Runs in a network namespace of its own but as real root, outside any user namespace: what servers do.
requireOwnNamespace();

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const tortie = join(root, "bin", "tortie");
const folder = mkdtempSync(join(tmpdir(), "tortie-root-"));
const environment = {
  ...process.env,
  TORTIE_SERVER: join(folder, "server.sock"),
  TORTIE_AGENT: join(folder, "agent.sock"),
};
const children: ChildProcess[] = [];

const ask = (...args: string[]) => run(tortie, args, { env: environment });

before(async () => {
  children.push(spawn(tortie, ["server", "--state", folder], { env: environment, stdio: "ignore" }));
  const agent = ["agent", "--node", "h1", "--address", "192.0.2.1", "--address6", "2001:db8::1"];
  children.push(
    spawn(tortie, [...agent, "--run-dir", folder, "--state-dir", folder], { env: environment, stdio: "ignore" }),
  );
  await eventually(
    "server and agent answer",
    async () => {
      const answers = await Promise.allSettled([
        ask("apply", "-f", join(root, "examples", "pools.yaml")),
        ask("node", "status"),
      ]);
      return answers.every(({ status }) => status === "fulfilled");
    },
    30_000,
  );
});

after(() => {
  for (const child of children) child.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

test("a workload named by a process and one named by a path are attached and reach each other", {
  timeout: 60_000,
}, async () => {
  const sleeper = spawn("unshare", ["--net", "sleep", "60"], { stdio: "ignore" });
  children.push(sleeper);
  await run("ip", ["netns", "add", "w2"]);
  const own = (await run("readlink", ["/proc/self/ns/net"])).stdout;
  await eventually(
    "the process has its namespace",
    async () => (await run("readlink", [`/proc/${sleeper.pid}/ns/net`])).stdout !== own,
  );
  await ask("workload", "attach", "--netns", String(sleeper.pid), "--name", "w1", "--label", "role=web");
  const attached = await ask("workload", "attach", "--netns", "/run/netns/w2", "--name", "w2", "-o", "json");
  const { addresses } = JSON.parse(attached.stdout) as { addresses: string[] };
  assert.equal(addresses.length, 2);
  for (const cidr of addresses) {
    const address = cidr.replace(/\/.*/, "");
    const ping = await run("nsenter", [
      `--net=/proc/${sleeper.pid}/ns/net`,
      "ping",
      "-c",
      "2",
      "-i",
      "0.2",
      "-W",
      "2",
      address,
    ]);
    assert.match(ping.stdout, /2 received/);
  }
  const status = await ask("node", "status");
  assert.match(status.stdout, /default\/h1-tortie-w1-eth0 +tt[0-9a-f]{11} +up/);
  await ask("workload", "detach", "--name", "w1");
  await ask("workload", "detach", "--name", "w2");
  assert.equal((await run("ip", ["-j", "link", "show", "type", "veth"])).stdout.trim(), "[]");
  assert.equal((await ask("get", "workloadendpoints", "-A", "-o", "name")).stdout, "");
});

test("a transaction of more than a megabyte goes to the kernel in one piece", { timeout: 60_000 }, async () => {
  using nft = openNftSocket();
  const addresses = Array.from({ length: 100_000 }, (_, at) => addressFromBigInt(BigInt(0x0a000000 + at), 4));
  const table = {
    family: "inet",
    name: "tortie-root-test",
    chains: [],
    sets: [addressSet("many", 4, addresses)],
  } as const;
  const changes = diffTables(undefined, table);
  using handle = openNetlink({ protocol: "netfilter", sendBufferBytes: 64 << 20 });
  const batches = encodeChanges(changes, { firstSequence: 1, maxBytes: handle.maxSendBytes });
  assert.equal(batches.length, 1);
  assert.ok((batches[0]?.bytes.length ?? 0) > 1 << 20);
  await nft.apply(changes);
  const present = await nft.dumpTable("tortie-root-test");
  assert.equal(present?.sets[0]?.elements.length, 100_000);
  assert.deepEqual(diffTables(present, table), []);
});
