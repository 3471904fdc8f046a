import {
  type Kind,
  type Resource,
  apiVersionOf,
  decodeResource,
  definitionOf,
  keyOf,
} from "../../src/resources/index.ts";
import type { Json } from "../policy/random-labels.ts";

/**
 * The same small world in every situation; what a situation does not change is as it is here.
 *
 *     web api bench ── alpha ── outside ── beta ── db sink mon
 *
 * `out` and `far` are two addresses of `outside`, which is a router between the hosts and knows no policy.
 */
export const hosts = ["alpha", "beta"] as const;
export type HostName = (typeof hosts)[number];

export const pods = ["web", "api", "bench", "db", "sink", "mon"] as const;
export type PodName = (typeof pods)[number];

export const strangers = ["out", "far"] as const;

export const actors = [...pods, ...strangers, ...hosts] as const;
export type ActorName = (typeof actors)[number];

/** What a workload is besides its address. */
type PodTraits = {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount?: string;
  /** Instead of those of its namespace and service account. */
  readonly profiles?: readonly string[];
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
  /** Default: k8s. */
  readonly orchestrator?: string;
};

const pod = (namespace: string, labels: PodTraits["labels"], ...ports: PodTraits["ports"]): PodTraits => ({
  namespace,
  labels,
  ports,
});
const tcp = (name: string, port: number) => ({ name, protocol: "TCP", port });
const udp = (name: string, port: number) => ({ name, protocol: "UDP", port });

const podTraits: Readonly<Record<PodName, PodTraits>> = {
  web: pod("shop", { app: "web", tier: "front" }, tcp("http", 80), udp("dns", 53)),
  api: pod("shop", { app: "api", tier: "back" }, tcp("http", 8080)),
  db: pod("shop", { app: "db", tier: "back", stage: "live" }, tcp("sql", 443), udp("http", 80)),
  bench: pod("lab", { app: "bench", stage: "test" }, tcp("http", 80)),
  sink: pod("lab", { app: "web", stage: "test" }, tcp("http", 443), udp("dns", 53)),
  mon: { ...pod("ops", { app: "mon" }, tcp("metrics", 8080)), serviceAccount: "watcher" },
};

const namespaceLabels: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  shop: { team: "sales", stage: "live" },
  lab: { team: "science", stage: "test" },
  ops: { team: "science" },
};

export const namespaces = Object.keys(namespaceLabels);

export type CastChanges = {
  readonly pods?: Readonly<Partial<Record<PodName, Partial<PodTraits>>>>;
  readonly namespaces?: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

export function hostOf(name: PodName): HostName {
  return name === "web" || name === "api" || name === "bench" ? "alpha" : "beta";
}

export function interfaceOf(name: PodName): string {
  return `tt${name}`;
}

export function isPod(name: ActorName): name is PodName {
  return pods.some((pod) => pod === name);
}

export function isHost(name: ActorName): name is HostName {
  return hosts.some((host) => host === name);
}

const addressByActor: Readonly<Record<ActorName, readonly [string, string]>> = {
  web: ["10.10.1.2", "fd10:1::2"],
  api: ["10.10.1.3", "fd10:1::3"],
  bench: ["10.10.1.9", "fd10:1::9"],
  db: ["10.10.2.2", "fd10:2::2"],
  sink: ["10.10.2.3", "fd10:2::3"],
  mon: ["10.10.2.9", "fd10:2::9"],
  out: ["198.51.100.7", "2001:db8:a::7"],
  far: ["203.0.113.7", "2001:db8:b::7"],
  alpha: ["192.0.2.1", "2001:db8:1::1"],
  beta: ["192.0.2.5", "2001:db8:2::1"],
};

/** IPv4, IPv6. */
export function addressesOf(name: ActorName): readonly [string, string] {
  return addressByActor[name];
}

/** All that a situation does not write itself: the workloads, their namespaces and service accounts. */
export function castResources(changes: CastChanges = {}): Resource[] {
  const workloads = pods.map((name) => workload(name, { ...podTraits[name], ...changes.pods?.[name] }));
  const spaces = Object.entries({ ...namespaceLabels, ...changes.namespaces }).map(([name, labels]) =>
    decode({ kind: "Namespace", metadata: { name, labels } }),
  );
  return [...workloads, ...spaces, decode({ kind: "ServiceAccount", metadata: watcher })];
}

const watcher = { name: "watcher", namespace: "ops", labels: { duty: "look" } };

function workload(name: PodName, traits: PodTraits): Resource {
  const { namespace, labels, serviceAccount, ports, orchestrator = "k8s" } = traits;
  const account = serviceAccount === undefined ? [] : [`ksa.${namespace}.${serviceAccount}`];
  return decode({
    kind: "WorkloadEndpoint",
    metadata: { name: `${hostOf(name)}-${orchestrator}-${name}-eth0`, namespace, labels },
    spec: {
      node: hostOf(name),
      orchestrator,
      endpoint: "eth0",
      ...(orchestrator === "k8s" ? { pod: name } : { workload: name }),
      interfaceName: interfaceOf(name),
      mac: macOf(name),
      ipNetworks: addressesOf(name),
      profiles: traits.profiles ?? [`kns.${namespace}`, ...account],
      ports,
      ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
    },
  });
}

export function macOf(name: PodName): string {
  return `02:00:00:00:02:0${pods.indexOf(name)}`;
}

/** Reads an object that may leave out the API version, as every manifest of the situations does. */
export function decode(object: Json): Resource {
  const kind = kindOf(object);
  const decoded = decodeResource({ apiVersion: apiVersionOf(definitionOf(kind)), ...object });
  if (!decoded.ok) throw new Error(`${JSON.stringify(object)} is not valid: ${JSON.stringify(decoded.problems)}`);
  return decoded.value;
}

function kindOf({ kind }: Json): Kind {
  const found = kinds.find((known) => known === kind);
  if (found === undefined) throw new Error(`${String(kind)} is not a kind that situations know`);
  return found;
}

const kinds = [
  "FelixConfiguration",
  "GlobalNetworkPolicy",
  "GlobalNetworkSet",
  "HostEndpoint",
  "KubernetesClusterNetworkPolicy",
  "KubernetesNetworkPolicy",
  "Namespace",
  "NetworkPolicy",
  "NetworkSet",
  "Profile",
  "ServiceAccount",
  "StagedGlobalNetworkPolicy",
  "StagedKubernetesNetworkPolicy",
  "StagedNetworkPolicy",
  "Tier",
  "WorkloadEndpoint",
] as const satisfies readonly Kind[];

/** Later ones take the place of earlier ones of the same name. */
export function merge(...lists: readonly (readonly Resource[])[]): Resource[] {
  return [...new Map(lists.flat().map((resource) => [keyOf(resource), resource])).values()];
}
