import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { silentLogger } from "../../src/lib/index.ts";
import { startServer } from "../../src/server/index.ts";
import { memoryStore } from "../../src/store/index.ts";
import { kubectlSources, runKubectl } from "./find-kubectl.ts";

const set = (nets: string, extra = "") => `apiVersion: projectcalico.org/v3
kind: GlobalNetworkSet
metadata: {name: web, labels: {app: web}}
spec: {nets: [${nets}]}
${extra}`;
const policy = (selector: string) => `apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  selector: ${selector}
  ingress: [{action: Allow, protocol: TCP, destination: {ports: [80, "8000:8080", http]}}]
`;

/** A server of its own for one kubectl. */
async function serveKubectl(path: string) {
  await using stack = new AsyncDisposableStack();
  const home = mkdtempSync(join(tmpdir(), "tortie-kubectl-"));
  stack.defer(() => rmSync(home, { recursive: true, force: true }));
  const store = stack.use(memoryStore());
  const { signal } = new AbortController();
  const insecureListen = "127.0.0.1:0";
  const socketPath = join(home, "api.sock");
  const server = stack.use(await startServer({ store, socketPath, insecureListen, log: silentLogger, signal }));
  const target = { port: server.insecurePort ?? 0, home };
  const owned = stack.move();
  const run = async (args: string, input?: string) => runKubectl(path, target, splitWords(args), input);
  return {
    home,
    target,
    run,
    /** Fails the test unless kubectl succeeds and says this. */
    async does(args: string, pattern: RegExp, input?: string): Promise<string> {
      const { status, out } = await run(args, input);
      assert.equal(status, 0, `kubectl ${args}: ${out}`);
      assert.match(out, pattern, `kubectl ${args}`);
      return out;
    },
    async fails(args: string, pattern: RegExp, input?: string): Promise<void> {
      const { status, out } = await run(args, input);
      assert.notEqual(status, 0, `kubectl ${args}: ${out}`);
      assert.match(out, pattern, `kubectl ${args}`);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** At blanks outside single quotes. */
function splitWords(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? "");
}

for (const source of kubectlSources) {
  const found = source.find();
  const options = typeof found === "string" ? { timeout: 120_000 } : { skip: `${source.name}: ${found.missing}` };
  const path = typeof found === "string" ? found : "";

  test(`${source.name} creates, reads, changes and deletes objects`, options, async () => {
    await using kubectl = await serveKubectl(path);
    await kubectl.does("api-resources", /networkpolicies .*projectcalico\.org\/v3 +true +NetworkPolicy/);
    await kubectl.does("version", /v1\.32\.0\+tortie/);
    await kubectl.does("apply -f -", /web created/, set("192.0.2.0/24"));
    await kubectl.does("apply -f -", /web unchanged/, set("192.0.2.0/24"));
    await kubectl.does("get gns", /^NAME +NETS.* AGE\nweb +192\.0\.2\.0\/24 +\d+s\n$/);
    await kubectl.does("get gns web -o yaml", /spec:\n {2}nets:\n {2}- 192\.0\.2\.0\/24\n/);
    await kubectl.does("get gns -l app=web -o name", /^globalnetworkset\.projectcalico\.org\/web\n$/);
    await kubectl.does("get gns -l app!=web", /No resources found/);
    await kubectl.does("describe gns web", /Labels: +app=web[^]*Nets:\n +192\.0\.2\.0\/24/);
    await kubectl.does("label gns web tier=db", /labeled/);
    await kubectl.does(`patch gns web --type=json -p '[{"op":"remove","path":"/metadata/labels/tier"}]'`, /patched/);
    await kubectl.does(`patch gns web --type=merge -p '{"metadata":{"labels":{"app":"api"}}}'`, /patched/);
    await kubectl.does("get gns web -o jsonpath={.metadata.labels}", /^\{"app":"api"\}$/);
    await kubectl.fails(`patch gns web -p '{"spec":{}}'`, /--type=merge/);
    await kubectl.does("replace -f -", /replaced/, set("198.51.100.0/24"));
    await kubectl.does("delete gns web", /deleted/);
    await kubectl.fails("get gns web", /NotFound.*"web" not found/);
  });

  test(`${source.name} shows differences, tries writes out and is told of typos`, options, async () => {
    await using kubectl = await serveKubectl(path);
    await kubectl.does("apply -f - --dry-run=server", /web created \(server dry run\)/, set("192.0.2.0/24"));
    await kubectl.fails("get gns web", /NotFound/);
    await kubectl.does("apply -f -", /created/, set("192.0.2.0/24"));
    const diff = await kubectl.run("diff -f -", set("198.51.100.0/24"));
    assert.equal(diff.status, 1, diff.out);
    assert.match(diff.out, /- {2}- 192\.0\.2\.0\/24\n\+ {2}- 198\.51\.100\.0\/24/);
    await kubectl.does("get gns web -o jsonpath={.spec.nets[0]}", /^192\.0\.2\.0\/24$/);
    await kubectl.does("apply -f - --dry-run=server", /configured \(server dry run\)/, set("198.51.100.0/24"));
    const typo = set("192.0.2.0/24").replace("nets:", "netz:");
    await kubectl.fails(
      "apply -f -",
      /unknown field.*(netz|nets)|netz.*unknown field/,
      typo.replace("name: web", "name: typo"),
    );
    await kubectl.fails("create -f -", /AlreadyExists/, set("192.0.2.0/24"));
    await kubectl.does("explain gns.spec", /nets\s+<\[\]string>/);
    await kubectl.does("explain networkpolicy.spec.ingress", /action\s+<string>/);
    await kubectl.does("explain gns.metadata", /annotations\s+<map\[string\]string>/);
  });

  test(`${source.name} works with namespaces and what is in them`, options, async () => {
    await using kubectl = await serveKubectl(path);
    await kubectl.does("create namespace shop", /namespace\/shop created/);
    await kubectl.fails("create namespace shop", /AlreadyExists/);
    await kubectl.does("label namespace shop stage=test", /labeled/);
    await kubectl.does("describe namespace shop", /Labels: +stage=test/);
    const manifest = (stage: string) =>
      `apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {stage: ${stage}}}\n`;
    await kubectl.does("apply -f -", /configured/, manifest("one"));
    await kubectl.does("apply -f -", /configured/, manifest("two"));
    await kubectl.does("get namespace shop -o jsonpath={.metadata.labels.stage}", /^two$/);
    await kubectl.does("apply -f -", /created/, policy("role == 'web'"));
    await kubectl.does("get networkpolicies -A", /^NAMESPACE +NAME +.*AGE\nshop +web /);
    await kubectl.fails("delete namespace shop", /it still holds 1 networkpolicy/);
    await kubectl.does("delete networkpolicies --all -n shop", /deleted/);
    await kubectl.does("delete namespace shop", /deleted/);
  });

  test(`${source.name} applies on the server, with owners of fields`, options, async () => {
    await using kubectl = await serveKubectl(path);
    await kubectl.does("create namespace shop", /created/);
    const apply = "apply --server-side -f -";
    await kubectl.does(apply, /serverside-applied/, policy("role == 'web'"));
    await kubectl.does(apply, /serverside-applied/, policy("role == 'web'"));
    await kubectl.does("get cnp web -n shop", /web +.*role == 'web'/);
    await kubectl.fails(
      `${apply} --field-manager=other`,
      /conflict with "kubectl"[^]*\.spec\.selector/,
      policy("role == 'db'"),
    );
    await kubectl.does(
      `${apply} --field-manager=other --force-conflicts`,
      /serverside-applied/,
      policy("role == 'db'"),
    );
    await kubectl.does("get cnp web -n shop -o jsonpath={.spec.selector}", /^role == 'db'$/);
  });

  test(`${source.name} reads long lists in pages, watches and edits`, options, async () => {
    await using kubectl = await serveKubectl(path);
    const names = ["a", "b", "c", "d", "e"];
    await kubectl.does(
      "apply -f -",
      /e created/,
      names.map((name) => set("").replace("name: web", `name: ${name}`)).join("---\n"),
    );
    await kubectl.does("get gns --chunk-size=2 -o name", /^(globalnetworkset\.projectcalico\.org\/[a-e]\n){5}$/);
    const watching = spawn(path, [`--server=http://127.0.0.1:${kubectl.target.port}`, "get", "gns", "a", "-w"], {
      env: { HOME: kubectl.home },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const lines = createInterface({ input: watching.stdout })[Symbol.asyncIterator]();
    assert.match(String((await lines.next()).value), /^NAME +NETS/);
    assert.match(String((await lines.next()).value), /^a /);
    await kubectl.does(`patch gns a --type=merge -p '{"spec":{"nets":["203.0.113.0/24"]}}'`, /patched/);
    assert.match(String((await lines.next()).value), /^a +203\.0\.113\.0\/24/);
    watching.kill();
    const editor = join(kubectl.home, "editor");
    writeFileSync(editor, "#!/bin/sh\nexec sed -i 's/203\\.0\\.113\\.0/192.0.2.0/' \"$1\"\n", { mode: 0o755 });
    await kubectl.does("edit gns a", /edited/);
    await kubectl.does("get gns a -o jsonpath={.spec.nets[0]}", /^192\.0\.2\.0\/24$/);
    await kubectl.does("delete gns --all", /"e" deleted/);
  });
}
