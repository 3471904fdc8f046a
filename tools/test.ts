// Runs the tests: unit tests in one process, kernel tests in namespaces of their own, labs as users start them.
// usage: node tools/test.ts [unit|kernel|api|labs|root ...] [--only TEXT]   (all, when none is named; root ones when root runs it)
import { spawn } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { dirname } from "node:path";

type Stage = { readonly name: string; readonly command: readonly string[] };
type Counts = { passed: number; failed: number; skipped: number };

const nodeTest = [process.execPath, "--disable-warning=ExperimentalWarning", "--test", "--test-reporter=spec"];
const namespaces = "--net --mount --pid --fork --kill-child --mount-proc".split(" ");
const ownRun = ["sh", "-c", 'mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up && exec "$@"', "sh"];

function stagesOf(names: readonly string[], only: string): Stage[] {
  const filesOf = (...patterns: string[]) =>
    globSync(patterns)
      .filter((file) => file.includes(only))
      .toSorted();
  const unit = filesOf("{src,tools,bench}/**/*.test.ts", "test/access/*.test.ts").filter(
    (file) => !/\.(kernel|root)\.test\.ts$/.test(file),
  );
  const kernel = filesOf("{src,test}/**/*.kernel.test.ts");
  const labs = filesOf("test/labs/*.test.ts").filter((file) => !/\.(kernel|root)\.test\.ts$/.test(file));
  const api = filesOf("test/{kubectl,watch}/*.test.ts");
  const rooted = filesOf("{src,test}/**/*.root.test.ts");
  const stages: (Stage & { files: readonly string[] })[] = [
    { name: "unit", files: unit, command: [...nodeTest, "--test-isolation=none", ...unit] },
    {
      name: "kernel",
      files: kernel,
      command: [
        "unshare",
        "--user",
        "--map-root-user",
        ...namespaces,
        ...ownRun,
        ...nodeTest,
        "--test-concurrency=1",
        ...kernel,
      ],
    },
    { name: "api", files: api, command: [...nodeTest, "--test-concurrency=1", ...api] },
    { name: "labs", files: labs, command: [...nodeTest, "--test-concurrency=1", ...labs] },
    {
      name: "root",
      files: rooted,
      command: ["unshare", ...namespaces, ...ownRun, ...nodeTest, "--test-concurrency=1", ...rooted],
    },
  ];
  return stages.filter((stage) => names.includes(stage.name) && stage.files.length > 0);
}

function runStage(stage: Stage): Promise<Counts> {
  const { promise, resolve, reject } = Promise.withResolvers<Counts>();
  const path = `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  const [command, ...args] = stage.command;
  const child = spawn(command ?? "", args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PATH: path, FORCE_COLOR: "0" },
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    process.stdout.write(chunk);
    text += chunk.toString();
  });
  child.on("error", reject);
  child.on("close", (status) => {
    const count = (word: string) => Number(new RegExp(`^\\S+ ${word} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
    const counts = { passed: count("pass"), failed: count("fail") + count("cancelled"), skipped: count("skipped") };
    // A runner that died before its summary has failed, whatever it printed.
    if (status !== 0 && counts.failed === 0) counts.failed = 1;
    resolve(counts);
  });
  return promise;
}

const args = process.argv.slice(2);
const onlyAt = args.indexOf("--only");
const only = onlyAt === -1 ? "" : (args[onlyAt + 1] ?? "");
const named = args.filter((arg, at) => !arg.startsWith("--") && at !== onlyAt + 1 * Number(onlyAt !== -1));
const isRoot = process.getuid?.() === 0;
const names = named.length > 0 ? named : ["unit", "kernel", "api", "labs", ...(isRoot ? ["root"] : [])];
if (!existsSync("package.json")) throw new Error("run the tests from the root of the project");

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const stage of stagesOf(names, only)) {
  const started = performance.now();
  console.log(`== ${stage.name}`);
  const counts = await runStage(stage);
  console.log(
    `== ${stage.name}: ${counts.passed} passed, ${counts.failed} failed in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}
if (!isRoot && named.length === 0) console.log("not run, since they need real root: the tests named *.root.test.ts");
console.log(`tests: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
