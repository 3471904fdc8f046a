import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect } from "../../src/client/index.ts";
import { eventually } from "./lab-harness.ts";

const tortiePath = fileURLToPath(new URL("../../bin/tortie", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "tortie-input-"));
const socket = join(folder, "server.sock");
let server: ChildProcess;

function tortie(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const { promise, resolve } = Promise.withResolvers<{ status: number; stdout: string; stderr: string }>();
  execFile(tortiePath, ["--server", socket, ...args], (error, stdout, stderr) => {
    resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
  });
  return promise;
}

async function apply(text: string) {
  const path = join(folder, "input.yaml");
  writeFileSync(path, text);
  return await tortie("apply", "-f", path);
}

async function everything(): Promise<string> {
  const client = connect({ socketPath: socket });
  const kinds = ["NetworkPolicy", "GlobalNetworkPolicy", "IPPool", "Namespace"] as const;
  return JSON.stringify(await Promise.all(kinds.map((kind) => client.list(kind, {}))));
}

const policy = (spec: string, metadata = "") => `
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: { name: web, namespace: default${metadata} }
spec: ${spec}
`;
const goodPolicy = policy("{ selector: role == 'web', types: [Ingress] }");

before(async () => {
  server = spawn(tortiePath, ["server", "--state", folder, "--socket", socket], { stdio: "ignore" });
  await eventually("the server listens", async () => existsSync(socket) && (await tortie("get", "nodes")).status === 0);
  assert.equal((await apply(goodPolicy)).status, 0);
});

after(async () => {
  server.kill("SIGTERM");
  await once(server, "exit");
  rmSync(folder, { recursive: true, force: true });
});

/** Input, the words its error must have, and the exit status. */
const cases: [name: string, input: string, words: RegExp[], status: number][] = [
  ["malformed YAML", "spec: [1, 2\nkind: }", [/input\.yaml, line 2, column \d+: not YAML/], 2],
  ["an unknown field", policy("{ selektor: all() }"), [/spec\.selektor: unknown field \(did you mean selector\?\)/], 2],
  [
    "a bad CIDR",
    policy("{ ingress: [{ action: Allow, source: { nets: [10.0.0.0/33] } }] }"),
    [/spec\.ingress\[0\]\.source\.nets\[0\]: "10\.0\.0\.0\/33" is no CIDR/, /write it like/],
    2,
  ],
  [
    "a CIDR with host bits",
    policy("{ ingress: [{ action: Allow, source: { nets: [10.0.0.9/24] } }] }"),
    [/nets\[0\]/, /write 10\.0\.0\.0\/24/],
    2,
  ],
  [
    "a bad IPv6 CIDR",
    policy("{ ingress: [{ action: Allow, source: { nets: ['fd00::/129'] } }] }"),
    [/spec\.ingress\[0\]\.source\.nets\[0\]: "fd00::\/129" is no CIDR/],
    2,
  ],
  [
    "a selector that does not parse",
    policy("{ selector: role = 'web' }"),
    [/spec\.selector: at column 6/, /write ==/],
    2,
  ],
  [
    "a stale update",
    policy("{ selector: role == 'web', order: 7 }", ", resourceVersion: '1'"),
    [/web/, /changed|newer|modified/, /get/],
    1,
  ],
  [
    "a namespace that does not exist",
    goodPolicy.replace("namespace: default", "namespace: nowhere"),
    [/namespace/i, /nowhere/],
    1,
  ],
  [
    "a kind that does not exist",
    "apiVersion: projectcalico.org/v3\nkind: NetworkPolizei\nmetadata: { name: x }",
    [/kind/, /NetworkPolizei/],
    2,
  ],
  [
    "a good document before a bad one",
    `${goodPolicy.replace("name: web", "name: first")}---\n${policy("{ selector: 7 }")}`,
    [/document 2/, /spec\.selector/],
    2,
  ],
];

for (const [name, input, words, status] of cases) {
  test(`${name} gets one clear error, and nothing is changed`, async () => {
    const before = await everything();
    const done = await apply(input);
    assert.equal(done.status, status, done.stderr);
    assert.equal(done.stderr.trim().split("\n").length, 1, done.stderr);
    for (const word of words) assert.match(done.stderr, word);
    assert.equal(await everything(), before);
  });
}

test("a server that is away is told in one line, with an exit status of its own", async () => {
  const done = await tortie("--server", join(folder, "nobody.sock"), "get", "nodes");
  assert.equal(done.status, 3);
  assert.equal(done.stdout, "");
  assert.match(done.stderr, /^error: the server does not answer at .*nobody\.sock \(.*tortie server.*\)\n$/);
});
