import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { silentLogger } from "../lib/index.ts";
import { startServer } from "../server/index.ts";
import { memoryStore } from "../store/index.ts";
import { runCli } from "./main.ts";

/** The command line against a server of its own. */
async function openShell(context: TestContext) {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "tortie-cli-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const store = stack.use(memoryStore());
  const socketPath = join(folder, "api.sock");
  const { signal } = new AbortController();
  stack.use(await startServer({ store, socketPath, log: silentLogger, signal }));
  const owned = stack.move();
  const lines: string[] = [];
  const note = (...words: unknown[]) => void lines.push(words.join(" "));
  context.mock.method(console, "log", note);
  context.mock.method(console, "error", note);
  const run = async (...args: string[]) => {
    lines.length = 0;
    const status = await runCli(["--server", socketPath, ...args]);
    process.exitCode = 0;
    return { status, text: lines.join("\n") };
  };
  return {
    folder,
    socketPath,
    run,
    write: (name: string, text: string) => {
      mkdirSync(join(folder, "manifests"), { recursive: true });
      writeFileSync(join(folder, "manifests", name), text);
      return join(folder, "manifests", name);
    },
    async does(args: string, pattern: RegExp | string): Promise<void> {
      const { status, text } = await run(...splitWords(args));
      assert.equal(status, 0, `${args}: ${text}`);
      if (typeof pattern === "string") assert.equal(text, pattern, args);
      else assert.match(text, pattern, args);
    },
    async fails(args: string, wantedStatus: number, pattern: RegExp): Promise<void> {
      const { status, text } = await run(...splitWords(args));
      assert.match(text, pattern, args);
      assert.equal(status, wantedStatus, args);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** At blanks outside single quotes. */
function splitWords(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? "");
}

const set = (name: string, nets: string) => `apiVersion: projectcalico.org/v3
kind: GlobalNetworkSet
metadata: {name: ${name}, labels: {app: ${name}}}
spec: {nets: [${nets}]}
`;
const web = "globalnetworkset.projectcalico.org/web";

test("manifests are applied, compared, replaced and deleted", async (context) => {
  await using shell = await openShell(context);
  const file = shell.write("web.yaml", set("web", "192.0.2.0/24"));
  await shell.does(`apply -f ${file} --dry-run`, `${web} created (dry run)`);
  await shell.fails("get gns web", 1, /there is no globalnetworkset web \(tortie get globalnetworksets lists/);
  await shell.does(`create -f ${file}`, `${web} created`);
  await shell.fails(`create -f ${file}`, 1, /web\.yaml \(GlobalNetworkSet web\): .*already exists/);
  await shell.does(`apply -f ${file}`, `${web} unchanged`);
  await shell.does(`apply -f ${file} --dry-run=server`, `${web} unchanged (dry run)`);
  await shell.does(`diff -f ${file}`, "");
  shell.write("web.yaml", set("web", "198.51.100.0/24"));
  await shell.fails(
    `diff -f ${file}`,
    1,
    /^--- globalnetworkset.*\n[^]*- {4}- 192\.0\.2\.0\/24\n\+ {4}- 198\.51\.100\.0\/24$/m,
  );
  await shell.does(`apply -f ${file} --dry-run`, `${web} configured (dry run)`);
  await shell.does("get gns web -o jsonpath={.spec.nets[0]}", "192.0.2.0/24");
  await shell.does(`apply -f ${file} -o jsonpath={.spec.nets}`, '["198.51.100.0/24"]');
  await shell.does(`replace -f ${file}`, `${web} replaced`);
  const other = shell.write("other.yaml", set("other", "192.0.2.0/24"));
  await shell.fails(`replace -f ${other}`, 1, /other is not there \(tortie create or tortie apply makes it\)/);
  await shell.does(`apply -f ${join(shell.folder, "manifests")}`, /other created\n.*web unchanged/);
  await shell.does(`delete -f ${file} --dry-run`, `${web} deleted (dry run)`);
  await shell.does(`delete -f ${file} -f ${other}`, /other deleted\n.*web deleted/);
});

test("nothing is applied when one manifest is wrong, and each mistake is named", async (context) => {
  await using shell = await openShell(context);
  const file = shell.write(
    "all.yaml",
    `${set("web", "192.0.2.0/24")}---\n${set("bad", "nonsense").replace("nets", "netz")}`,
  );
  await shell.fails(
    `apply -f ${file}`,
    2,
    /all\.yaml, document 2 \(GlobalNetworkSet bad\): spec\.netz: unknown field \(did you mean nets\?\)/,
  );
  await shell.fails("get gns web", 1, /there is no/);
  await shell.fails("apply -f /none.yaml", 2, /cannot be read/);
});

test("a server-side apply shares an object with other managers", async (context) => {
  await using shell = await openShell(context);
  const file = shell.write("web.yaml", set("web", "192.0.2.0/24"));
  await shell.does(`apply --server-side -f ${file}`, `${web} applied`);
  shell.write("web.yaml", set("web", "198.51.100.0/24"));
  await shell.fails(
    `apply --server-side -f ${file} --field-manager other`,
    1,
    /conflict with "tortie".*--force-conflicts/,
  );
  await shell.fails(`diff --server-side -f ${file}`, 1, /\+ {4}- 198\.51\.100\.0\/24/);
  await shell.does(`apply --server-side -f ${file} --field-manager other --force-conflicts`, `${web} applied`);
});

test("objects are listed and shown in every format", async (context) => {
  await using shell = await openShell(context);
  const file = shell.write("all.yaml", [set("a", "192.0.2.0/24"), set("b", "")].join("---\n"));
  await shell.does(`apply -f ${file}`, /b created/);
  await shell.does("get gns", /^NAME +NETS +AGE\na +192\.0\.2\.0\/24 +\d+s\nb +\S* *\d+s$/);
  await shell.does("get gns -o wide", /^NAME .* LABELS\na .* app=a\nb .* app=b$/);
  await shell.does("get gns -l app=b -o name", "globalnetworkset.projectcalico.org/b");
  await shell.does("get globalnetworksets a b -o name", /a\n.*b$/);
  await shell.does("get gns/a -o name", /\/a$/);
  await shell.does(
    "get GlobalNetworkSet a -o yaml",
    /^apiVersion: projectcalico\.org\/v3\nkind: GlobalNetworkSet\nmetadata:/,
  );
  await shell.does("get gns -o jsonpath={.items[*].metadata.name}", "a b");
  const { text } = await shell.run("get", "gns", "-o", "json");
  assert.equal((JSON.parse(text) as { items: unknown[] }).items.length, 2);
  await shell.does("get ns -A", /^NAME +LABELS/);
  await shell.does("get networksets -A", "no networksets found");
  await shell.does("get networksets", "no networksets found in namespace default (-A looks in all)");
  await shell.fails("get gns -o xml", 2, /the formats are wide, yaml, json, name and jsonpath=TEMPLATE/);
  await shell.fails("get cats", 2, /there is no kind "cats"/);
  await shell.fails("get networkpolices", 2, /did you mean networkpolicies\?/);
  await shell.fails("get gns a -l app=a", 2, /not both/);
  await shell.fails("get gns -l 'a b'", 2, /labelSelector: "a b" cannot be read/);
});

test("a watch tells every change until it is stopped", { timeout: 60_000 }, async (context) => {
  await using shell = await openShell(context);
  const file = shell.write("all.yaml", [set("a", "192.0.2.0/24"), set("b", "")].join("---\n"));
  await shell.does(`apply -f ${file}`, /b created/);
  const args = [
    "--disable-warning=ExperimentalWarning",
    join(import.meta.dirname, "main.ts"),
    "--server",
    shell.socketPath,
  ];
  const watching = spawn(process.execPath, [...args, "get", "gns", "a", "-w"], { stdio: ["ignore", "pipe", "pipe"] });
  const lines = createInterface({ input: watching.stdout })[Symbol.asyncIterator]();
  const errors = createInterface({ input: watching.stderr })[Symbol.asyncIterator]();
  assert.match(String((await lines.next()).value), /^NAME +NETS +AGE$/);
  assert.match(String((await lines.next()).value), /^a +192\.0\.2\.0\/24/);
  await shell.does(`patch gns b -p '{"spec":{"nets":["203.0.113.0/24"]}}'`, /patched/);
  await shell.does(`patch gns a -p '{"spec":{"nets":["198.51.100.0/24"]}}'`, /patched/);
  assert.match(String((await lines.next()).value), /^a +198\.51\.100\.0\/24/);
  await shell.does("delete gns a", /deleted/);
  assert.equal((await errors.next()).value, "globalnetworkset.projectcalico.org/a deleted");
  watching.kill("SIGINT");
  const { promise, resolve } = Promise.withResolvers<number | null>();
  watching.once("exit", resolve);
  assert.equal(await promise, 0);
});

test("objects are patched, labelled and deleted by name", async (context) => {
  await using shell = await openShell(context);
  const file = shell.write("all.yaml", [set("a", "192.0.2.0/24"), set("b", ""), set("c", "")].join("---\n"));
  await shell.does(`apply -f ${file}`, /c created/);
  await shell.does(
    `patch gns a -p '{"spec":{"nets":["203.0.113.0/24"]}}' -o jsonpath={.spec.nets[0]}`,
    "203.0.113.0/24",
  );
  await shell.does(`patch gns/a --type json -p '[{"op":"remove","path":"/spec/nets/0"}]'`, /\/a patched$/);
  await shell.does(`patch gns a --dry-run -p 'spec: {nets: [192.0.2.0/24]}'`, /\/a patched \(dry run\)$/);
  await shell.fails(`patch gns a -p '{"spec":{"netz":[]}}'`, 2, /did you mean nets\?/);
  await shell.fails("patch gns a", 2, /give the patch with -p/);
  await shell.does("label gns a tier=db", /\/a labeled$/);
  await shell.does("label gns a tier=db", /\/a unchanged$/);
  await shell.fails("label gns a tier=web", 1, /has the label tier=db already \(--overwrite changes it\)/);
  await shell.does("label gns a b tier=web app- --overwrite", /\/a labeled\n.*\/b labeled/);
  await shell.does("get gns a -o jsonpath={.metadata.labels}", '{"tier":"web"}');
  await shell.fails("label gns a", 2, /key=value/);
  await shell.fails("delete gns", 2, /their names, -l SELECTOR, or --all/);
  await shell.fails("delete gns none", 1, /there is no globalnetworkset none/);
  await shell.does("delete gns none --ignore-not-found", "");
  await shell.does("delete gns -l tier=web", /\/a deleted\n.*\/b deleted/);
  await shell.does("delete gns --all", /\/c deleted/);
});

test("the kinds are explained without a server", async (context) => {
  await using shell = await openShell(context);
  await shell.does(
    "explain gnp",
    /^KIND: +GlobalNetworkPolicy\nVERSION: +projectcalico\.org\/v3[^]*FIELDS:[^]*spec <object>[^]*EXAMPLE:\n {2}apiVersion/,
  );
  await shell.does(
    "explain networkpolicy.spec.ingress",
    /FIELD: +spec\.ingress <list of object>[^]*action <text> {2}required; .*one of Allow, Deny, Log, Pass/,
  );
  await shell.does("explain networkpolicy.spec.ingress.source.ports", /<list of number or text>/);
  await shell.does("explain ippool --recursive", /\n {4}cidr <text>/);
  await shell.fails("explain ippool.spec.cdir", 2, /ippool\.spec has no member cdir; did you mean cidr\?/);
  await shell.does("api-resources", /networkpolicies +.* projectcalico\.org\/v3 +true +NetworkPolicy/);
  await shell.does("version", /^client: \d+\.\d+\.\d+\nserver: v1\.\d+\.\d+\+tortie\./);
  await shell.does("version --client", /^client: \d+\.\d+\.\d+$/);
});

test("words are completed: commands, options, kinds and names", async (context) => {
  await using shell = await openShell(context);
  const file = shell.write("all.yaml", [set("web-a", ""), set("web-b", "")].join("---\n"));
  await shell.does(`apply -f ${file}`, /created/);
  await shell.does("complete -- ge", "get");
  await shell.does("complete -- get ipp", "ippools");
  await shell.does("complete -- get gns web", "web-a\nweb-b");
  await shell.does("complete -- get gns -o ya", "yaml");
  await shell.does("complete -- get networksets -n def", "default");
  await shell.does("complete -- get --all", "--all-namespaces");
  await shell.does("complete -- workload at", "attach");
  for (const shellName of ["bash", "zsh", "fish"]) await shell.does(`completion ${shellName}`, /tortie complete --/);
  await shell.fails("completion csh", 2, /there is one for bash, zsh, fish/);
});
