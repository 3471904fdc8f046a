// Runs the tests: unit tests in one process, kernel tests in namespaces of their own, labs as users start them.
// usage: node tools/test.ts [unit|kernel|situations|api|labs|long|interop|root ...] [--only TEXT]   (all, when none is named; root ones when root runs it)
import { spawn } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { dirname } from "node:path";

/** Its commands run side by side. */
type Stage = { readonly name: string; readonly commands: readonly (readonly string[])[] };
type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };

const nodeTest = [process.execPath, "--disable-warning=ExperimentalWarning", "--test", "--test-reporter=spec"];
const oneByOne = [...nodeTest, "--test-concurrency=1"];
const namespaces = "--net --mount --pid --fork --kill-child --mount-proc".split(" ");
const ownRun = ["sh", "-c", 'mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up && exec "$@"', "sh"];

/** What draws much at random: beside the fuzzer's millions of messages, what would take half of the unit tests' time. */
const drawn = ["src/bgp/simulation.test.ts", "src/ipam/interleaving.test.ts", "test/policy/seeded-bugs.test.ts"];

function stagesOf(names: readonly string[], only: string): Stage[] {
  const filesOf = (...patterns: string[]) =>
    globSync(patterns)
      .filter((file) => file.includes(only))
      .toSorted();
  const unit = filesOf(
    "{src,tools,bench}/**/*.test.ts",
    "test/{access,bgp-differential,policy,situations}/*.test.ts",
    "test/bgp-fuzz/vulnerabilities.test.ts",
  ).filter((file) => !/\.(kernel|root)\.test\.ts$/.test(file) && !drawn.includes(file));
  const situations = filesOf("test/situations/*.kernel.test.ts");
  const kernel = filesOf("{src,test}/**/*.kernel.test.ts").filter((file) => !situations.includes(file));
  const labs = filesOf("test/labs/*.test.ts").filter((file) => !/\.(kernel|root)\.test\.ts$/.test(file));
  const api = filesOf("test/{kubectl,watch}/*.test.ts");
  const interop = filesOf("test/interop/*.test.ts");
  const long = [filesOf("test/bgp-fuzz/fuzz.test.ts"), filesOf(...drawn)].filter((files) => files.length > 0);
  const rooted = filesOf("{src,test}/**/*.root.test.ts");
  const stages: (Stage & { files: readonly string[] })[] = [
    {
      name: "unit",
      files: unit,
      commands: halves(unit).map((files) => [...nodeTest, "--test-isolation=none", ...files]),
    },
    {
      name: "kernel",
      files: kernel,
      commands: [["unshare", "--user", "--map-root-user", ...namespaces, ...ownRun, ...oneByOne, ...kernel]],
    },
    {
      name: "situations",
      files: situations,
      commands: [["unshare", "--user", "--map-root-user", ...namespaces, ...ownRun, ...oneByOne, ...situations]],
    },
    { name: "api", files: api, commands: [[...oneByOne, ...api]] },
    { name: "labs", files: labs, commands: [[...oneByOne, ...labs]] },
    {
      name: "long",
      files: long.flat(),
      commands: long.map((files) => [...nodeTest, "--test-isolation=none", ...files]),
    },
    { name: "interop", files: interop, commands: [[...oneByOne, ...interop]] },
    {
      name: "root",
      files: rooted,
      commands: [["unshare", ...namespaces, ...ownRun, ...oneByOne, ...rooted]],
    },
  ];
  return stages.filter((stage) => names.includes(stage.name) && stage.files.length > 0);
}

/** Every other file each, so that both cores have about as much to do. */
function halves(files: readonly string[]): string[][] {
  const parts = [0, 1].map((part) => files.filter((_, at) => at % 2 === part));
  return parts.filter((part) => part.length > 0);
}

async function runStage(stage: Stage): Promise<Counts> {
  return (await Promise.all(stage.commands.map(runCommand))).reduce(add);
}

function add(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

function runCommand([command, ...args]: readonly string[]): Promise<Counts> {
  const { promise, resolve, reject } = Promise.withResolvers<Counts>();
  const path = `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
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
    const failed = count("fail") + count("cancelled");
    // A runner that died before its summary has failed, whatever it printed.
    resolve({ passed: count("pass"), failed: status !== 0 ? Math.max(1, failed) : failed, skipped: count("skipped") });
  });
  return promise;
}

const args = process.argv.slice(2);
const onlyAt = args.indexOf("--only");
const only = onlyAt === -1 ? "" : (args[onlyAt + 1] ?? "");
const named = args.filter((arg, at) => !arg.startsWith("--") && at !== onlyAt + 1 * Number(onlyAt !== -1));
const isRoot = process.getuid?.() === 0;
const names =
  named.length > 0
    ? named
    : ["unit", "kernel", "situations", "api", "labs", "long", "interop", ...(isRoot ? ["root"] : [])];
if (!existsSync("package.json")) throw new Error("run the tests from the root of the project");

let total: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const stage of stagesOf(names, only)) {
  const started = performance.now();
  console.log(`== ${stage.name}`);
  const counts = await runStage(stage);
  console.log(
    `== ${stage.name}: ${counts.passed} passed, ${counts.failed} failed in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  total = add(total, counts);
}
if (!isRoot && named.length === 0) console.log("not run, since they need real root: the tests named *.root.test.ts");
console.log(`tests: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
