import { formatTable } from "../lib/index.ts";
import { type Fabric, type Lab, spineNames } from "./lab.ts";
import { hostAddresses, hostAsNumber } from "./address-plan.ts";
import type { ProcessStatus } from "./supervisor.ts";

/** What a lab is doing. Process ids are those seen inside the lab (`tortie lab exec`). */
export type LabStatus = {
  readonly name: string;
  readonly fabric: Fabric;
  /** Without server and agents. */
  readonly isBare: boolean;
  readonly hosts: readonly HostStatus[];
  /** The server and the spines. */
  readonly processes: readonly ProcessStatus[];
  readonly workloads: readonly WorkloadStatus[];
};

type HostStatus = {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Absent: the cluster's. */
  readonly asNumber?: number;
  readonly agent: AgentStatus;
  readonly sessions: { readonly established: number; readonly expected: number };
};

type AgentStatus = {
  readonly state: "running" | "not answering" | "restarting" | "absent";
  readonly pid?: number;
  readonly restarts: number;
};

type WorkloadStatus = {
  readonly name: string;
  readonly namespace: string;
  readonly host: string;
  /** Without prefix length; empty while it is not attached. */
  readonly addresses: readonly string[];
};

/** What only the running lab knows. */
export type Observations = {
  readonly isBare: boolean;
  readonly numbers: ReadonlyMap<string, number>;
  readonly processes: readonly ProcessStatus[];
  /** Sessions of hosts whose agents answer: are they established? */
  readonly sessionsByHost: ReadonlyMap<string, readonly boolean[]>;
  readonly addressesByWorkload: ReadonlyMap<string, readonly string[]>;
};

export function describeLab(lab: Lab, seen: Observations): LabStatus {
  const processByName = new Map(seen.processes.map((process) => [process.name, process]));
  return {
    name: lab.name,
    fabric: lab.fabric,
    isBare: seen.isBare,
    hosts: lab.hosts.map(({ name }) => {
      const number = seen.numbers.get(name) ?? 0;
      const sessions = seen.sessionsByHost.get(name);
      return {
        name,
        addresses: hostAddresses(number, false).map(({ address }) => address),
        ...(lab.fabric.type === "segment" ? {} : { asNumber: hostAsNumber(number) }),
        agent: describeAgent(processByName.get(name), sessions !== undefined),
        sessions: {
          established: sessions?.filter(Boolean).length ?? 0,
          expected: sessions?.length ?? usualSessions(lab),
        },
      };
    }),
    processes: seen.processes.filter(({ name }) => name === "server" || spineNames(lab.fabric).includes(name)),
    workloads: lab.hosts.flatMap((host) =>
      host.workloads.map(({ name, namespace }) => ({
        name,
        namespace,
        host: host.name,
        addresses: seen.addressesByWorkload.get(name) ?? [],
      })),
    ),
  };
}

function describeAgent(process: ProcessStatus | undefined, isAnswering: boolean): AgentStatus {
  if (process === undefined) return { state: "absent", restarts: 0 };
  const { pid, restarts } = process;
  if (pid === undefined) return { state: "restarting", restarts };
  return { state: isAnswering ? "running" : "not answering", pid, restarts };
}

/** One session over each IP version to every other host, or to every spine. */
function usualSessions(lab: Lab): number {
  return 2 * (lab.fabric.type === "segment" ? lab.hosts.length - 1 : lab.fabric.count);
}

/** The status as a person wants to see it. */
export function formatStatus(status: LabStatus): string {
  const { fabric, hosts, workloads, processes } = status;
  const network = fabric.type === "segment" ? "one segment" : count(fabric.count, "spine");
  const head = `lab ${status.name}: ${count(hosts.length, "host")} on ${network}, ${count(workloads.length, "workload")}`;
  const hostRows = hosts.map(({ name, addresses, agent, sessions }) => [
    name,
    addresses[0] ?? "",
    addresses[1] ?? "",
    agent.state,
    String(agent.pid ?? ""),
    String(agent.restarts),
    `${sessions.established}/${sessions.expected}`,
  ]);
  const processRows = processes.map(({ name, pid, restarts }) => [
    name,
    pid === undefined ? "restarting" : "running",
    String(pid ?? ""),
    String(restarts),
  ]);
  const workloadRows = workloads.map(({ name, namespace, host, addresses }) => [
    name,
    namespace,
    host,
    addresses.length === 0 ? "not attached" : addresses.join(", "),
  ]);
  const blocks = [
    head,
    table(["HOST", "IPV4", "IPV6", "AGENT", "PID", "RESTARTS", "SESSIONS"], hostRows),
    table(["PROCESS", "STATE", "PID", "RESTARTS"], processRows),
    table(["WORKLOAD", "NAMESPACE", "HOST", "ADDRESSES"], workloadRows),
  ];
  return blocks.filter((block) => block !== "").join("\n\n");
}

/** A heading without rows tells nothing. */
function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? "" : formatTable(headings, rows);
}

export function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
