// npm run demo: three hosts, two spines, six workloads and a policy, shown on the real kernel. `-- --json` is for machines:
// one object a check with what was measured; exit status 1 when one does not hold.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";

const root = fileURLToPath(new URL("../../", import.meta.url));
const here = "examples/demo";
const lab = "demo";
const isJson = process.argv.includes("--json");

type Check = { readonly check: string; readonly ok: boolean; readonly [measured: string]: unknown };
type Workload = { readonly name: string; readonly host: string; readonly addresses: readonly string[] };
type Finished = { readonly status: number; readonly text: string };

const checks: Check[] = [];
const background: ChildProcess[] = [];

function say(text: string): void {
  if (!isJson) console.log(text);
}

function heading(text: string): void {
  say(`\n${styleText("bold", text)}`);
}

function record(check: Check): void {
  checks.push(check);
  if (isJson) console.log(JSON.stringify(check));
  else say(styleText(check.ok ? "green" : "red", `${check.ok ? "✔" : "✘"} ${check.check}`));
}

/** Runs bin/tortie; what it prints on standard error goes on to the terminal when a person watches. */
async function tortie(args: readonly string[], options: { isShown?: boolean } = {}): Promise<Finished> {
  if (options.isShown === true) say(styleText("dim", `$ bin/tortie ${args.join(" ")}`));
  const child = spawn(`${root}bin/tortie`, args, {
    cwd: root,
    stdio: ["ignore", "pipe", isJson ? "ignore" : "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (options.isShown === true && !isJson) process.stdout.write(chunk);
  });
  const [status] = (await once(child, "close")) as [number | null];
  return { status: status ?? 1, text };
}

function inLab(place: string, ...command: string[]): readonly string[] {
  return ["lab", "exec", "--lab", lab, place, "--", ...command];
}

/** Who reaches whom on TCP port 8080: source, then address, to true or false. */
async function measureReach(workloads: readonly Workload[]): Promise<Map<string, Record<string, boolean>>> {
  const results = await Promise.all(
    workloads.map(async (source) => {
      const targets = workloads.filter((target) => target !== source).flatMap((target) => target.addresses);
      const { text } = await tortie(inLab(source.name, process.execPath, `${here}/reach.ts`, "probe", ...targets));
      return [source.name, JSON.parse(text) as Record<string, boolean>] as const;
    }),
  );
  return new Map(results);
}

function showReach(workloads: readonly Workload[], reach: ReadonlyMap<string, Record<string, boolean>>): void {
  const width = Math.max(...workloads.map((workload) => workload.name.length)) + 2;
  say(`${"from \\ to".padEnd(width + 2)}${workloads.map((target) => target.name.padEnd(width)).join("")}`);
  for (const source of workloads) {
    const cells = workloads.map((target) => {
      if (target === source) return "·".padEnd(width);
      const marks = target.addresses.map((address) => (reach.get(source.name)?.[address] === true ? "✔" : "✘"));
      return marks.join(" ").padEnd(width);
    });
    say(`${source.name.padEnd(width + 2)}${cells.join("")}`);
  }
  say(styleText("dim", "each cell: IPv4, IPv6; TCP to port 8080"));
}

function countWrong(
  workloads: readonly Workload[],
  reach: ReadonlyMap<string, Record<string, boolean>>,
  isAllowed: (from: string, to: string) => boolean,
) {
  let pairs = 0;
  let wrong = 0;
  for (const source of workloads) {
    for (const target of workloads) {
      for (const address of target === source ? [] : target.addresses) {
        pairs++;
        if ((reach.get(source.name)?.[address] ?? false) !== isAllowed(source.name, target.name)) wrong++;
      }
    }
  }
  return { pairs, wrong };
}

async function showLab(): Promise<readonly Workload[]> {
  heading("1. Three hosts, two spines, six workloads");
  const started = performance.now();
  const up = await tortie(["lab", "up", `${here}/lab.yaml`], { isShown: true });
  const seconds = Number(((performance.now() - started) / 1000).toFixed(2));
  const status = await tortie(["lab", "status", lab, "--json"]);
  const { workloads = [] } = (up.status === 0 ? JSON.parse(status.text) : {}) as { workloads?: Workload[] };
  record({
    check: "the lab is up and converged",
    ok: up.status === 0 && workloads.length === 6,
    seconds,
    workloads: workloads.length,
  });
  if (up.status !== 0) throw new Error("the lab did not come up; its messages are above");
  return workloads;
}

async function serveEverywhere(workloads: readonly Workload[]): Promise<void> {
  for (const workload of workloads) {
    const args = inLab(workload.name, process.execPath, `${here}/reach.ts`, "serve");
    const child = spawn(`${root}bin/tortie`, args, { cwd: root, stdio: ["ignore", "pipe", "ignore"] });
    background.push(child);
    await once(child.stdout, "data");
  }
}

async function showPolicy(workloads: readonly Workload[]): Promise<void> {
  heading("2. Before a policy everyone reaches everyone");
  const before = await measureReach(workloads);
  showReach(workloads, before);
  const open = countWrong(workloads, before, () => true);
  record({ check: "without a policy all pairs connect", ok: open.wrong === 0, ...open });

  heading("3. A policy: databases answer web servers on port 8080, and nobody else");
  await tortie(inLab("a", "bin/tortie", "apply", "-f", `${here}/policy.yaml`), { isShown: true });
  const after = await measureReach(workloads);
  showReach(workloads, after);
  const closed = countWrong(workloads, after, (from, to) => !to.startsWith("db-") || from.startsWith("web-"));
  record({ check: "with the policy only web servers connect to databases", ok: closed.wrong === 0, ...closed });
}

async function showRoutes(target: Workload): Promise<void> {
  heading(`4. The route from host a to ${target.name} came by BGP from both spines`);
  const versions = target.addresses.map((address) => (address.includes(":") ? "-6" : "-4"));
  let hops = 0;
  for (const [at, address] of target.addresses.entries()) {
    const route = await tortie(inLab("a", "ip", versions[at] as string, "route", "get", address), { isShown: true });
    if (/ via | nhid /.test(route.text)) hops++;
  }
  const learned = await tortie(inLab("a", "bin/tortie", "node", "routes", target.addresses[0] as string), {
    isShown: true,
  });
  const isEqualCost = (learned.text.match(/ multipath/g) ?? []).length === 2;
  record({
    check: "the kernel routes to the workload's block by two equal BGP paths",
    ok: hops === 2 && isEqualCost,
    versions: hops,
    paths: isEqualCost ? 2 : 0,
  });
}

async function showWire(source: Workload, target: Workload): Promise<void> {
  heading("5. On the wire: the workloads' own addresses, and nothing around them");
  const capture = spawn(
    `${root}bin/tortie`,
    inLab(source.host, process.execPath, `${here}/capture.ts`, ...target.addresses),
    {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let text = "";
  capture.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(capture.stdout, "data");
  for (const address of target.addresses)
    await tortie(inLab(source.name, "ping", "-c", "1", "-W", "2", address), { isShown: true });
  await once(capture, "close");
  const frames = text
    .split("\n")
    .slice(1)
    .filter((line) => line !== "");
  for (const frame of frames) say(frame);
  const plain = frames.filter(
    (frame) => source.addresses.some((address) => frame.includes(` ${address} → `)) && /ICMP/.test(frame),
  );
  record({
    check: "the fabric carries true source and destination without encapsulation",
    ok: plain.length === 2,
    frames: frames.length,
  });
}

async function showTrace(source: Workload, target: Workload): Promise<void> {
  heading("6. Every hop is a router that answers");
  const hops: number[] = [];
  for (const address of target.addresses) {
    const flags = address.includes(":") ? ["-6"] : ["-4"];
    const trace = await tortie(inLab(source.name, "traceroute", ...flags, "-n", "-q", "1", "-w", "1", address), {
      isShown: true,
    });
    hops.push(trace.text.split("\n").filter((line) => /^\s*\d+\s+[0-9a-f:.]+\s/.test(line)).length);
  }
  record({ check: "traceroute shows host, spine, host, workload", ok: hops.every((count) => count === 4), hops });
}

function showNext(): void {
  heading("What to type next");
  say(`bin/tortie lab up ${here}/lab.yaml            the same network, to stay
bin/tortie lab status                           hosts, sessions, workloads
bin/tortie lab exec a -- bin/tortie node status    the BGP sessions of host a
bin/tortie lab exec a -- ip route               what its kernel knows
bin/tortie lab exec a -- nft list table inet tortie
bin/tortie lab down`);
}

try {
  const workloads = await showLab();
  await serveEverywhere(workloads);
  await showPolicy(workloads);
  const named = (name: string) => workloads.find((workload) => workload.name === name) as Workload;
  await showRoutes(named("web-2"));
  await showWire(named("web-1"), named("web-2"));
  await showTrace(named("web-1"), named("web-2"));
} catch (error) {
  record({
    check: "the demo ran to its end",
    ok: false,
    error: error instanceof Error ? error.message : String(error),
  });
} finally {
  for (const child of background) child.kill("SIGTERM");
  await tortie(["lab", "down", lab]);
}
const failed = checks.filter((check) => !check.ok).length;
if (failed === 0) showNext();
say(`\ndemo: ${checks.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
