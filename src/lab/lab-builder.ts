import { writeFile } from "node:fs/promises";
import { type ApiClient, connect, createJoinToken } from "../client/index.ts";
import { type Logger, type Random, TortieError, formatProblem } from "../lib/index.ts";
import { Attachments } from "./attachments.ts";
import { isAgentAnswering, isServerAnswering } from "./is-answering.ts";
import { waitForRoutes } from "./convergence.ts";
import { decodeLab } from "./decode-lab.ts";
import { type PartChange, describeChanges, diffParts } from "./diff-parts.ts";
import { type Lab, spineNames } from "./lab.ts";
import { type LabPart, partKey } from "./lab-part.ts";
import { type LabStatus, count, describeLab } from "./lab-status.ts";
import { Network } from "./network.ts";
import { agentSocket, joinTokenPath, serverSocket } from "./places.ts";
import { planLab } from "./plan-lab.ts";
import { deleteResource, putResource } from "./put-resource.ts";
import { readSessions } from "./read-sessions.ts";
import { Supervisor } from "./supervisor.ts";

export type LabBuilderOptions = {
  readonly program: readonly [string, ...string[]];
  readonly log: Logger;
  readonly random: Random;
};

export type LabOrder = {
  /** A lab file, parsed. */
  readonly json: unknown;
  readonly isBare: boolean;
  /** How long whoever ordered it has been waiting already. */
  readonly elapsedMs: number;
};

type Report = (text: string) => void;
type PartOf<T extends LabPart["type"]> = Extract<LabPart, { readonly type: T }>;

/** On a slow machine, for a process that starts alone; each other one that starts beside it takes its time as well. */
const startDeadlineMs = 30_000;
const startDeadlinePerProcessMs = 2000;
const convergenceDeadlineMs = 60_000;
/** Requests under way at once, to the server or to the agents. */
const maxConcurrent = 32;

/** Makes what a lab lacks and takes away what it should not have; knows at any time which parts are there. */
export class LabBuilder implements AsyncDisposable {
  readonly #log: Logger;
  readonly #network = new Network();
  readonly #supervisor: Supervisor;
  readonly #attachments = new Attachments();
  readonly #client: ApiClient = connect({ socketPath: serverSocket });
  readonly #present = new Map<string, LabPart>();
  #numbers: ReadonlyMap<string, number> = new Map();
  #lab: Lab | undefined;
  #isBare = false;
  #isComplete = false;

  constructor(options: LabBuilderOptions) {
    this.#log = options.log;
    this.#supervisor = new Supervisor(options);
  }

  /** Whether all was there once. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Brings the lab to what the lab file (as JSON) says. When it fails, what was done stays done and is known. */
  async apply({ json, isBare, elapsedMs }: LabOrder, report: Report, signal: AbortSignal): Promise<void> {
    const decoded = decodeLab(json);
    if (!decoded.ok) throw new TortieError("TT_CONFIG", decoded.problems.map(formatProblem).join("\n"));
    const lab = decoded.value;
    this.#refuseRebuild(lab, isBare);
    const started = performance.now() - elapsedMs;
    const step: Report = (text) => report(`${text} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    const { numbers, parts } = planLab(lab, { numbers: this.#numbers, isBare });
    const changes = diffParts(this.#present, parts);
    if (changes.length === 0 && this.#isComplete) {
      report("nothing to do");
      return;
    }
    if (this.#isComplete) for (const line of describeChanges(changes)) report(line);
    this.#lab = lab;
    this.#isBare = isBare;
    this.#numbers = new Map([...this.#numbers, ...numbers]);
    await this.#remove(changes);
    await this.#put(changes, step, signal);
    this.#numbers = numbers;
    if (!isBare) {
      const hosts = lab.hosts.map((host) => host.name);
      await waitForRoutes(this.#network, this.#client, hosts, { signal, deadlineMs: convergenceDeadlineMs });
      step("routes converged");
    }
    this.#isComplete = true;
    this.#log.info("lab complete", { lab: lab.name, seconds: (performance.now() - started) / 1000 });
  }

  async status(): Promise<LabStatus> {
    const lab = this.#lab;
    if (lab === undefined) throw new TortieError("TT_LAB", "the lab is just being started", { hint: "try again" });
    const hosts = this.#isBare ? [] : lab.hosts.map((host) => host.name);
    const sessions = await Promise.all(hosts.map(async (host) => [host, await readSessions(host)] as const));
    return describeLab(lab, {
      isBare: this.#isBare,
      numbers: this.#numbers,
      processes: this.#supervisor.status(),
      sessionsByHost: new Map(sessions.flatMap(([host, states]) => (states === undefined ? [] : [[host, states]]))),
      addressesByWorkload: this.#attachments.addressesByWorkload,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#supervisor[Symbol.asyncDispose]();
    this.#client[Symbol.dispose]();
    this.#network[Symbol.dispose]();
  }

  #refuseRebuild(lab: Lab, isBare: boolean): void {
    if (this.#lab === undefined) return;
    const isOther = lab.fabric.type !== this.#lab.fabric.type || isBare !== this.#isBare;
    if (!isOther) return;
    throw new TortieError(
      "TT_LAB",
      "the sort of fabric of a running lab cannot be changed, nor whether it has agents",
      {
        hint: `end it first: tortie lab down ${lab.name}`,
      },
    );
  }

  /** Leaves first; every step of a kind at once. */
  async #remove(changes: readonly PartChange[]): Promise<void> {
    const parts = changes.filter((change) => change.type === "remove").map((change) => change.part);
    const gone = (part: LabPart) => this.#present.delete(partKey(part));
    await each(only(parts, "workload"), async (part) => {
      await this.#attachments.detach(part);
      gone(part);
    });
    await each(only(parts, "process"), async (part) => {
      await this.#supervisor.stop(part.name);
      gone(part);
    });
    await each(only(parts, "resource"), async (part) => {
      await deleteResource(this.#client, part.resource);
      gone(part);
    });
    const links = only(parts, "link");
    await this.#network.removeLinks(links);
    for (const part of links) gone(part);
    for (const part of only(parts, "namespace")) {
      this.#network.removeNamespace(part.name);
      gone(part);
    }
  }

  /**
   *   server ─────────────> resources ──> agents ──> workloads
   *   namespaces ──> links ──> spines ──────┘
   */
  async #put(changes: readonly PartChange[], step: Report, signal: AbortSignal): Promise<void> {
    const puts = changes.filter((change) => change.type === "put");
    const parts = puts.map((change) => change.part);
    const processes = only(parts, "process");
    const existing = new Set(puts.filter((change) => change.present !== undefined).map(({ part }) => partKey(part)));
    const run = (role: PartOf<"process">["role"]) => {
      for (const part of processes.filter((process) => process.role === role)) {
        if (existing.has(partKey(part))) this.#supervisor.reload(part);
        else this.#supervisor.start(part);
        this.#note(part);
      }
    };
    // The server takes longest: it starts while the rest of the network is made.
    const namespaces = only(parts, "namespace");
    await this.#putNamespaces(namespaces.filter(({ role }) => role === "server"));
    run("server");
    await this.#putNetwork(
      namespaces.filter(({ role }) => role !== "server"),
      only(parts, "link"),
      step,
    );
    run("spine");
    if (this.#isBare) return;
    await this.#supervisor.whenUp("server", () => isServerAnswering(serverSocket), signal, startDeadlineMs);
    if (processes.some(({ role }) => role === "server")) step("server up");
    await this.#putResources(only(parts, "resource"));
    const newcomers = processes.filter(({ role, name }) => role === "agent" && !existing.has(`process/${name}`));
    await each(newcomers, giveToken);
    run("agent");
    await this.#awaitAgents(processes, step, signal);
    const workloads = only(parts, "workload");
    await each(workloads, async (part) => {
      signal.throwIfAborted();
      await this.#attachments.attach(part);
      this.#note(part);
    });
    if (workloads.length > 0) step(`${count(workloads.length, "workload")} attached`);
  }

  async #putNamespaces(parts: readonly PartOf<"namespace">[]): Promise<void> {
    for (const part of parts) {
      await this.#network.addNamespace(part);
      this.#note(part);
    }
  }

  async #putNetwork(
    namespaces: readonly PartOf<"namespace">[],
    links: readonly PartOf<"link">[],
    step: Report,
  ): Promise<void> {
    await this.#putNamespaces(namespaces);
    await this.#network.addLinks(links);
    for (const part of links) this.#note(part);
    const spines = this.#lab === undefined ? [] : spineNames(this.#lab.fabric);
    const hosts = namespaces.filter(({ role }) => role === "host").length;
    if (hosts > 0)
      step(`${count(hosts, "host")} wired to ${spines.length === 0 ? "one segment" : count(spines.length, "spine")}`);
  }

  async #putResources(parts: readonly PartOf<"resource">[]): Promise<void> {
    const put = async (part: PartOf<"resource">) => {
      await putResource(this.#client, part.resource);
      this.#note(part);
    };
    await each(
      parts.filter(({ resource }) => resource.kind === "Namespace"),
      put,
    );
    await each(
      parts.filter(({ resource }) => resource.kind !== "Namespace"),
      put,
    );
  }

  async #awaitAgents(processes: readonly PartOf<"process">[], step: Report, signal: AbortSignal): Promise<void> {
    const agents = processes.filter(({ role }) => role === "agent");
    const deadlineMs = startDeadlineMs + agents.length * startDeadlinePerProcessMs;
    await each(agents, async ({ name }) => {
      await this.#supervisor.whenUp(name, () => isAgentAnswering(agentSocket(name)), signal, deadlineMs);
    });
    if (agents.length > 0) step(`${count(agents.length, "agent")} up`);
  }

  #note(part: LabPart): void {
    this.#present.set(partKey(part), part);
  }
}

/** What the host's agent joins with. The lab's keeper is the cluster's admin: it may open the server's socket. */
async function giveToken({ name }: PartOf<"process">): Promise<void> {
  const { token } = await createJoinToken({ socketPath: serverSocket }, { node: name });
  await writeFile(joinTokenPath(name), `${token}\n`, { mode: 0o600 });
}

function only<T extends LabPart["type"]>(parts: readonly LabPart[], type: T): PartOf<T>[] {
  return parts.filter((part): part is PartOf<T> => part.type === type);
}

/** Runs the work for all, some at a time. When one fails no more is begun, and its failure is told once the others are done. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const workers = Array.from({ length: Math.min(maxConcurrent, items.length) }, async () => {
    try {
      for (const item of rest) await work(item);
    } catch (error) {
      rest.return?.();
      throw error;
    }
  });
  const failed = (await Promise.allSettled(workers)).find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
