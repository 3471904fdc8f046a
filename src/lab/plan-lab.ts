import { type Cidr, addressToCidr } from "../lib/index.ts";
import {
  hostAddresses,
  hostAsNumber,
  linkAddresses,
  linkMac,
  numberHosts,
  spineAddresses,
  spineAsNumber,
  spinePrefixes,
} from "./address-plan.ts";
import { type Lab, type LabHost, type LabWorkload, spineNames } from "./lab.ts";
import type { LabPart, LinkPart, NamespacePart, ProcessPart, SpineConfig, WorkloadPart } from "./lab-part.ts";
import { labResources } from "./lab-resources.ts";
import { agentRunDir, agentStateDir, joinTokenPath, spineConfigPath } from "./places.ts";
import { serverLinks, serverNamespace, serverPrefixes, serverProcess, serverUrl } from "./server-parts.ts";

/** A host with its number, from which all its addresses follow. */
export type NumberedHost = LabHost & { readonly number: number };

export type LabPlan = {
  readonly numbers: ReadonlyMap<string, number>;
  /** In the order of making. */
  readonly parts: readonly LabPart[];
};

export type PlanOptions = {
  /** Numbers of hosts that are running. */
  readonly numbers: ReadonlyMap<string, number>;
  /** Namespaces, links and spines only: no server, no agents, workloads without interface. */
  readonly isBare: boolean;
};

/** All that a lab consists of. */
export function planLab(lab: Lab, options: PlanOptions): LabPlan {
  const numbers = numberHosts(
    lab.hosts.map((host) => host.name),
    options.numbers,
  );
  const hosts = lab.hosts.map((host) => ({ ...host, number: numbers.get(host.name) ?? 0 }));
  const serverWires = options.isBare ? [] : serverLinks(lab.fabric);
  const network = [...namespaceParts(lab, hosts), ...linkParts(lab, hosts), ...serverWires];
  const spines = spineParts(lab, hosts);
  if (options.isBare) return { numbers, parts: [...network, ...spines] };
  const agents = hosts.map((host) => agentPart(lab, host));
  const workloads = hosts.flatMap((host) => host.workloads.map((workload) => workloadPart(host.name, workload)));
  const server = [serverNamespace(lab.fabric), ...network, serverProcess(lab.fabric)];
  return { numbers, parts: [...server, ...spines, ...labResources(lab, hosts), ...agents, ...workloads] };
}

function namespaceParts(lab: Lab, hosts: readonly NumberedHost[]): NamespacePart[] {
  const isOnSegment = lab.fabric.type === "segment";
  const fabric: NamespacePart[] = isOnSegment
    ? [{ type: "namespace", name: "fabric", role: "fabric", loopback: [] }]
    : [];
  const spines = spineNames(lab.fabric).map((name, at): NamespacePart => {
    const loopback = spineAddresses(at + 1).map(({ address }) => address);
    return { type: "namespace", name, role: "spine", loopback };
  });
  const hostNamespaces = hosts.map(({ name, number }): NamespacePart => {
    const loopback = isOnSegment ? [] : hostAddresses(number, false).map(({ address }) => address);
    return { type: "namespace", name, role: "host", loopback };
  });
  const workloads = hosts
    .flatMap((host) => host.workloads)
    .map(({ name }): NamespacePart => ({ type: "namespace", name, role: "workload", loopback: [] }));
  return [...fabric, ...spines, ...hostNamespaces, ...workloads];
}

function linkParts(lab: Lab, hosts: readonly NumberedHost[]): LinkPart[] {
  if (lab.fabric.type === "segment") return hosts.map(segmentLink);
  return hosts.flatMap((host) =>
    spineNames(lab.fabric).map((spine, at) => spineLink(host, spine, at + 1, serverPrefixes(lab.fabric))),
  );
}

function segmentLink({ name, number }: NumberedHost): LinkPart {
  return {
    type: "link",
    host: {
      namespace: name,
      interface: "eth0",
      mac: linkMac(number, 0, "host"),
      addresses: hostAddresses(number, true),
    },
    fabric: { namespace: "fabric", interface: name, mac: linkMac(number, 0, "fabric"), addresses: [] },
    isBridged: true,
    behindHost: [],
    behindFabric: { prefixes: [], metric: 0 },
  };
}

function spineLink(
  { name, number }: NumberedHost,
  spineName: string,
  spine: number,
  behindFabric: readonly Cidr[],
): LinkPart {
  const addresses = linkAddresses(number, spine);
  return {
    type: "link",
    host: {
      namespace: name,
      interface: `eth${spine - 1}`,
      mac: linkMac(number, spine, "host"),
      addresses: addresses.host,
    },
    fabric: {
      namespace: spineName,
      interface: name,
      mac: linkMac(number, spine, "fabric"),
      addresses: addresses.spine,
    },
    isBridged: false,
    behindHost: hostAddresses(number, false).map(({ address }) => addressToCidr(address)),
    behindFabric: { prefixes: behindFabric, metric: spine },
  };
}

function spineParts(lab: Lab, hosts: readonly NumberedHost[]): ProcessPart[] {
  return spineNames(lab.fabric).map((name, at) => ({
    type: "process",
    name,
    role: "spine",
    namespace: name,
    args: ["lab", "spine", "--config", spineConfigPath(name)],
    config: spineConfig(at + 1, hosts),
  }));
}

function spineConfig(spine: number, hosts: readonly NumberedHost[]): SpineConfig {
  const sessions = hosts.flatMap(({ name, number }) => {
    const ends = linkAddresses(number, spine);
    return ends.host.map(({ address }, at) => ({
      host: name,
      asNumber: hostAsNumber(number),
      address,
      localAddress: ends.spine[at === 0 ? 0 : 1].address,
    }));
  });
  const loopbacks = hosts.flatMap(({ number }) =>
    hostAddresses(number, false).map(({ address }) => addressToCidr(address)),
  );
  const [own] = spineAddresses(spine);
  return {
    asNumber: spineAsNumber,
    routerId: own.address,
    networks: [...spinePrefixes(spine), ...loopbacks],
    sessions,
  };
}

function agentPart(lab: Lab, { name, number }: NumberedHost): ProcessPart {
  const [v4, v6] = hostAddresses(number, lab.fabric.type === "segment");
  const args = [
    "agent",
    "--node",
    name,
    "--address",
    v4.address,
    "--address6",
    v6.address,
    "--server",
    serverUrl(lab.fabric),
  ];
  args.push("--token", joinTokenPath(name), "--run-dir", agentRunDir(name), "--state-dir", agentStateDir(name));
  return { type: "process", name, role: "agent", namespace: name, args };
}

function workloadPart(host: string, { name, namespace, labels, profile }: LabWorkload): WorkloadPart {
  return {
    type: "workload",
    name,
    host,
    namespace,
    labels,
    ...(profile === undefined ? {} : { profiles: [profile] }),
  };
}
