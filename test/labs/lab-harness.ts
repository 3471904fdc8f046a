import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { TrafficPlan, TrafficReport } from "./traffic.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const tortiePath = join(root, "bin", "tortie");
const pollMs = 50;

export type Finished = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** Runs the product as a user does; never throws for a failing command. */
export function tortie(...args: string[]): Promise<Finished> {
  const { promise, resolve } = Promise.withResolvers<Finished>();
  execFile(tortiePath, args, { maxBuffer: 1 << 26, timeout: 120_000 }, (error, stdout, stderr) => {
    const status = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
    resolve({ status, stdout, stderr });
  });
  return promise;
}

export type LabWorkloadStatus = { readonly name: string; readonly host: string; readonly addresses: readonly string[] };

/** A running lab of its own name; disposing it takes it down. */
export class TestLab implements AsyncDisposable {
  readonly name: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "tortie-lab-test-"));

  private constructor(name: string) {
    this.name = name;
  }

  static async start(purpose: string, body: string): Promise<TestLab> {
    const lab = new TestLab(`${purpose}-${process.pid}`);
    await lab.apply(body);
    return lab;
  }

  /** Brings the lab to what the YAML says (all but its name); gives what `lab up` printed. */
  async apply(body: string): Promise<Finished> {
    const path = join(this.#folder, "lab.yaml");
    writeFileSync(path, `name: ${this.name}\n${body}`);
    const done = await tortie("lab", "up", path);
    if (done.status !== 0) {
      await this[Symbol.asyncDispose]();
      throw new Error(`lab up failed: ${done.stdout}${done.stderr}`);
    }
    return done;
  }

  exec(place: string, ...command: string[]): Promise<Finished> {
    return tortie("lab", "exec", "--lab", this.name, place, "--", ...command);
  }

  /** As `exec`, but the command's failure is the test's. */
  async run(place: string, ...command: string[]): Promise<string> {
    const done = await this.exec(place, ...command);
    if (done.status !== 0)
      throw new Error(`${command.join(" ")} at ${place}: status ${done.status}: ${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  spawn(place: string, ...command: string[]): ChildProcessWithoutNullStreams {
    return spawn(tortiePath, ["lab", "exec", "--lab", this.name, place, "--", ...command], { cwd: root });
  }

  async status(): Promise<{ readonly workloads: readonly LabWorkloadStatus[]; readonly [key: string]: unknown }> {
    return JSON.parse((await tortie("lab", "status", this.name, "--json")).stdout);
  }

  async workload(name: string): Promise<LabWorkloadStatus> {
    const found = (await this.status()).workloads.find((workload) => workload.name === name);
    if (found === undefined) throw new Error(`no workload ${name}`);
    return found;
  }

  /** Writes manifests into the lab's server. */
  async applyResources(host: string, yaml: string): Promise<void> {
    const path = join(this.#folder, "resources.yaml");
    writeFileSync(path, yaml);
    await this.run(host, tortiePath, "apply", "-f", path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await tortie("lab", "down", this.name);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export type Traffic = {
  /** Ends the flows and gives the counts. */
  stop(): Promise<TrafficReport>;
  /** Waits until the flows have ended by themselves (`packets`). */
  report(): Promise<TrafficReport>;
};

/** Packets under way as soon as this returns. */
export async function startTraffic(lab: TestLab, host: string, plan: TrafficPlan): Promise<Traffic> {
  const child = lab.spawn(host, process.execPath, join(root, "test/labs/traffic.ts"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  child.stdin.write(`${JSON.stringify(plan)}\n`);
  const first = await lines.next();
  if (first.value !== "ready") throw new Error(`the traffic did not start: ${complaints}`);
  const report = async () => {
    const last = await lines.next();
    if (last.done === true) throw new Error(`the traffic gave no report: ${complaints}`);
    if (child.exitCode === null) await once(child, "close");
    return JSON.parse(last.value) as TrafficReport;
  };
  return {
    report,
    stop() {
      child.stdin.write("stop\n");
      return report();
    },
  };
}

/** Asks again until the answer is yes; bounded, for states that the lab reaches by events of its own. */
export async function eventually(what: string, isTrue: () => Promise<boolean>, withinMs = 15_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    // The lab needs the processors more than the question does.
    await sleep(pollMs);
  }
}
