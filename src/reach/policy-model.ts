import { CalcGraph, type LocalEndpoint } from "../calc/index.ts";
import { PolicyTable } from "../dataplane/index.ts";
import { type IpAddress, type IpVersion, addressVersion, cidrAddress } from "../lib/index.ts";
import { type Outcome, TableRunner } from "../nft/index.ts";
import { type Resource, type WorkloadEndpoint, keyOf } from "../resources/index.ts";
import { type Probe, protocolNumbers } from "./probe.ts";

type Workload = { readonly name: string; readonly endpoint: WorkloadEndpoint };

export type PolicyVerdict = {
  readonly isAllowed: boolean;
  /** The rule that had the last word: `NetworkPolicy/shop/database ingress[0]`. Empty when no rule was asked. */
  readonly reason: string;
};

/**
 * Workloads of one host and the policies over them, put into force as on any host: what is asked here is asked of the table
 * that the kernel would get.
 */
export class PolicyModel {
  readonly workloads: readonly string[];
  readonly #workloadByName: ReadonlyMap<string, WorkloadEndpoint>;
  readonly #runner: TableRunner;

  constructor(host: string, workloads: readonly Workload[], resources: readonly Resource[]) {
    this.workloads = workloads.map(({ name }) => name);
    this.#workloadByName = new Map(workloads.map(({ name, endpoint }) => [name, endpoint]));
    const graph = new CalcGraph({ node: host });
    for (const resource of [...resources, ...workloads.map(({ endpoint }) => endpoint)]) {
      graph.onResource(keyOf(resource), resource);
    }
    graph.onSynced();
    const table = new PolicyTable();
    const endpoints: LocalEndpoint[] = [];
    for (const message of graph.flush()) {
      table.onCalc(message);
      if (message.type === "endpointUpdate") endpoints.push(message.endpoint);
    }
    table.setEndpoints(endpoints);
    this.#runner = new TableRunner(table.table());
  }

  has(workload: string): boolean {
    return this.#workloadByName.has(workload);
  }

  /** Of a connection's first packet. Allowed, too, when the two have no addresses of the probe's version. */
  judge(from: string, to: string, probe: Probe): PolicyVerdict {
    const [source, target] = [this.#workloadByName.get(from), this.#workloadByName.get(to)];
    const outcome = source === undefined || target === undefined ? undefined : this.#run(source, target, probe);
    if (outcome === undefined) return { isAllowed: true, reason: "" };
    return { isAllowed: outcome.verdict === "accept", reason: outcome.matched.at(-1) ?? "" };
  }

  /** Every pair of different workloads that may not talk, for every probe by its place in the list. */
  denied(probes: readonly Probe[]): [probe: number, from: string, to: string][] {
    const found: [number, string, string][] = [];
    for (const [at, probe] of probes.entries()) {
      for (const from of this.workloads) {
        for (const to of this.workloads) {
          if (from !== to && !this.judge(from, to, probe).isAllowed) found.push([at, from, to]);
        }
      }
    }
    return found;
  }

  #run(source: WorkloadEndpoint, target: WorkloadEndpoint, probe: Probe): Outcome | undefined {
    const [first] = addressesOf(target);
    const version = probe.ipVersion ?? (first === undefined ? 4 : addressVersion(first));
    const from = addressOf(source, version);
    const to = addressOf(target, version);
    if (from === undefined || to === undefined) return undefined;
    const { protocol, sourcePort, port, icmp } = probe;
    return this.#runner.run({
      source: from,
      destination: to,
      protocol: protocolNumbers[protocol],
      ...(icmp === undefined ? { ports: [sourcePort, port] } : { icmp }),
      state: "new",
      inputName: source.spec.interfaceName,
      outputName: target.spec.interfaceName,
      isSourceReal: true,
    });
  }
}

function addressesOf({ spec }: WorkloadEndpoint): IpAddress[] {
  return (spec.ipNetworks ?? []).map(cidrAddress);
}

function addressOf(endpoint: WorkloadEndpoint, version: IpVersion): IpAddress | undefined {
  return addressesOf(endpoint).find((address) => addressVersion(address) === version);
}
