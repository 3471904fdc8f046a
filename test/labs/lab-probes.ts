// What the lab tests ask a running lab beside what lab-harness.ts offers; without a new `tortie` for every question.
import { execFile } from "node:child_process";
import type { AgentStatus } from "../../src/agent/index.ts";
import { type ApiClient, connect, askAgent as askSocket } from "../../src/client/index.ts";
import { type LabStatus, enterLab, labStatus } from "../../src/lab/index.ts";
import { type TestLab, eventually, startTraffic } from "./lab-harness.ts";
import type { TrafficPlan } from "./traffic.ts";

export function netnsOf(name: string): string {
  return `/run/netns/${name}`;
}

/** Runs a shell script at a place of the lab and gives its output; its failure is the test's. */
export function shell(lab: TestLab, place: string, script: string): Promise<string> {
  const { file, args, env } = enterLab({ lab: lab.name, place, command: ["sh", "-c", script] });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile(file, args, { env, maxBuffer: 1 << 26, timeout: 60_000 }, (error, stdout, stderr) => {
    if (error === null) resolve(stdout);
    else reject(new Error(`${script} at ${place}: ${error.message}: ${stdout}${stderr}`));
  });
  return promise;
}

/** One ping to each address; throws when one is not answered. */
export async function ping(lab: TestLab, place: string, addresses: readonly string[]): Promise<void> {
  await shell(lab, place, addresses.map((address) => `ping -c 1 -W 3 ${address}`).join(" && "));
}

/** A path of the lab's own file system, as one of ours: nsenter is told a process that lives there. */
function pathInside(lab: TestLab, path: string): string {
  const { args } = enterLab({ lab: lab.name, place: "a", command: [] });
  return `/proc/${args[args.indexOf("-t") + 1]}/root${path}`;
}

/** The lab's server, reached from outside. */
export function serverOf(lab: TestLab): ApiClient {
  return connect({ socketPath: pathInside(lab, "/run/tortie/server.sock") });
}

/** A request to the agent of a host; throws what it refuses. */
export async function askAgent<T>(lab: TestLab, host: string, path: string, body?: unknown): Promise<T> {
  const method = body === undefined ? "GET" : "POST";
  return (await askSocket(pathInside(lab, `/run/tortie/${host}/agent.sock`), method, path, body)) as T;
}

/** What the agent of a host says of itself; undefined while it does not answer. */
export async function agentStatus(lab: TestLab, host: string): Promise<AgentStatus | undefined> {
  return await askAgent<AgentStatus>(lab, host, "/v1/status").catch(() => undefined);
}

/** Process ids inside the lab: of the server, the spines and, by their hosts' names, of the agents. */
export async function pidsOf(lab: TestLab): Promise<ReadonlyMap<string, number | undefined>> {
  const status = (await labStatus({ name: lab.name })).json as LabStatus;
  return new Map([
    ...status.hosts.map(({ name, agent }) => [name, agent.pid] as const),
    ...status.processes.map(({ name, pid }) => [name, pid] as const),
  ]);
}

/** Sends a signal to a process of the lab, by default one that ends it: it is started again. Gives its process id. */
export async function signalTo(lab: TestLab, name: string, signal = "KILL"): Promise<number> {
  const pid = (await pidsOf(lab)).get(name);
  if (pid === undefined) throw new Error(`${name} is not running`);
  await shell(lab, "a", `kill -${signal} ${pid}`);
  return pid;
}

/** Waits until the agent of a host, another process than `oldPid`, has all its sessions; gives its status. */
export async function untilSessions(lab: TestLab, host: string, count: number, oldPid = 0): Promise<AgentStatus> {
  let status: AgentStatus | undefined;
  await eventually(
    `the agent of ${host} is up with ${count} sessions`,
    async () => {
      if ((await pidsOf(lab)).get(host) === oldPid) return false;
      status = await agentStatus(lab, host);
      return status?.bgp.peers.filter(({ state }) => state === "established").length === count;
    },
    30_000,
  );
  if (status === undefined) throw new Error(`no status of ${host}`);
  return status;
}

/** Sends some packets of each flow and gives what share of them arrived. */
export async function sendProbes(lab: TestLab, plan: TrafficPlan, packets = 100): Promise<number[]> {
  const traffic = await startTraffic(lab, "a", {
    ...plan,
    flows: plan.flows.map((flow) => ({ ...flow, packets })),
  });
  const { flows } = await traffic.report();
  return flows.map(({ received }) => received / packets);
}
