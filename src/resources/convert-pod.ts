import { createHash } from "node:crypto";
import { z } from "zod";
import {
  type Cidr,
  type IpAddress,
  type Problem,
  type Result,
  addressToCidr,
  addressVersion,
  cidrAddress,
  failure,
  isHostCidr,
  parseAddress,
  parseCidr,
  success,
} from "../lib/index.ts";
import { systemLabels } from "../selector/index.ts";
import { convertQos } from "./convert-qos.ts";
import { workloadEndpointName } from "./endpoint-names.ts";
import { isPortNumber } from "./port.ts";
import { defaultProfileName, serviceAccountProfileName } from "./profile.ts";
import type { WorkloadEndpoint, WorkloadEndpointPort, WorkloadEndpointSpec } from "./workload-endpoint.ts";

const text = z.string().nullish();
const texts = z.record(z.string(), z.string()).nullish();

const port = z.object({
  name: text,
  containerPort: z.number().nullish(),
  hostPort: z.number().nullish(),
  hostIP: text,
  protocol: text,
});
const containers = z.array(z.object({ ports: z.array(port).nullish() })).nullish();

/** As much of a Pod as an endpoint is made of. */
const podSchema = z.object({
  metadata: z.object({
    name: z.string().min(1),
    namespace: text,
    labels: texts,
    annotations: texts,
    uid: text,
    generateName: text,
    creationTimestamp: text,
    deletionTimestamp: text,
  }),
  spec: z.object({
    nodeName: text,
    serviceAccountName: text,
    hostNetwork: z.boolean().nullish(),
    containers,
    initContainers: containers,
  }),
  status: z.object({ phase: text, podIP: text, podIPs: z.array(z.object({ ip: text })).nullish() }).nullish(),
});

type Pod = z.output<typeof podSchema>;

const annotation = {
  containerId: "cni.projectcalico.org/containerID",
  podIp: "cni.projectcalico.org/podIP",
  podIps: "cni.projectcalico.org/podIPs",
  awsPodIps: "vpc.amazonaws.com/pod-ips",
  allowedSources: "cni.projectcalico.org/allowedSourcePrefixes",
  floatingIps: "cni.projectcalico.org/floatingIPs",
  networkStatus: "k8s.v1.cni.cncf.io/network-status",
} as const;

const interfacePrefix = "cali";
const endpointName = "eth0";

/**
 * The endpoint of a pod of Kubernetes; undefined for a pod that uses its host's network. Fails when the pod has no node yet, or
 * something in it that the endpoint depends on is wrong.
 */
export function convertPod(json: unknown): Result<WorkloadEndpoint | undefined> {
  const parsed = podSchema.safeParse(json);
  if (!parsed.success) return { ok: false, problems: parsed.error.issues.map(toProblem) };
  const pod = parsed.data;
  const nodeName = pod.spec.nodeName ?? "";
  if (nodeName === "") return failure("spec.nodeName", "is missing: the pod has no node yet");
  const name = endpointNameOf(nodeName, pod.metadata.name);
  if (name === undefined) return failure("metadata.name", "cannot be part of the name of an endpoint");
  if (pod.spec.hostNetwork === true) return success(undefined);
  const networks = isFinished(pod) ? [] : readNetworks(pod);
  if (networks === undefined) return failure("status.podIPs", "holds what is no address");
  const extra = readAnnotations(pod, networks);
  if (!extra.ok) return extra;
  return success({
    apiVersion: "projectcalico.org/v3",
    kind: "WorkloadEndpoint",
    metadata: convertMetadata(pod, name),
    spec: { ...convertSpec(pod, nodeName, networks), ...extra.value },
  });
}

/** The key parts by which a pod's endpoint is known, also when it is none. */
export function podEndpointName(json: unknown): { readonly namespace: string; readonly name: string } | undefined {
  const parsed = podSchema.safeParse(json);
  if (!parsed.success) return undefined;
  const { metadata, spec } = parsed.data;
  const name = endpointNameOf(spec.nodeName ?? "", metadata.name);
  return name === undefined ? undefined : { namespace: metadata.namespace ?? "", name };
}

function endpointNameOf(node: string, pod: string): string | undefined {
  const isPart = (part: string) => part !== "" && !part.startsWith("-") && !part.endsWith("-");
  return isPart(node) && isPart(pod) ? workloadEndpointName(node, "k8s", pod, endpointName) : undefined;
}

function convertMetadata({ metadata, spec }: Pod, name: string): WorkloadEndpoint["metadata"] {
  const { namespace, uid, generateName, creationTimestamp } = metadata;
  const account = spec.serviceAccountName ?? "";
  const networkStatus = metadata.annotations?.[annotation.networkStatus];
  const { namespacePrefix, serviceAccountPrefix } = systemLabels;
  // Nobody passes for a member of a namespace by writing what only the system says.
  const own = Object.entries(metadata.labels ?? {}).filter(
    ([label]) => !label.startsWith(namespacePrefix) && !label.startsWith(serviceAccountPrefix),
  );
  return {
    name,
    namespace: namespace ?? "",
    labels: {
      ...Object.fromEntries(own),
      [systemLabels.namespace]: namespace ?? "",
      [systemLabels.orchestrator]: "k8s",
      ...(account === "" || account.length >= 63 ? {} : { [systemLabels.serviceAccount]: account }),
    },
    ...(networkStatus === undefined ? {} : { annotations: { [annotation.networkStatus]: networkStatus } }),
    ...(isText(uid) ? { uid } : {}),
    ...(isText(generateName) ? { generateName } : {}),
    ...(isText(creationTimestamp) ? { creationTimestamp } : {}),
  };
}

function convertSpec({ metadata, spec }: Pod, node: string, networks: readonly Cidr[]): WorkloadEndpointSpec {
  const namespace = metadata.namespace ?? "";
  const account = spec.serviceAccountName ?? "";
  const containerID = metadata.annotations?.[annotation.containerId] ?? "";
  const ports = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].flatMap((container) =>
    (container.ports ?? []).flatMap(convertPort),
  );
  const profileNamespace = namespace === "" ? "default" : namespace;
  return {
    orchestrator: "k8s",
    node,
    pod: metadata.name,
    endpoint: endpointName,
    ...(containerID === "" ? {} : { containerID }),
    interfaceName: interfaceNameOf(namespace, metadata.name),
    ipNetworks: networks,
    ...(ports.length === 0 ? {} : { ports }),
    profiles: [
      defaultProfileName(profileNamespace),
      ...(account === "" ? [] : [serviceAccountProfileName(profileNamespace, account)]),
    ],
    ...(account === "" ? {} : { serviceAccountName: account }),
  };
}

/** Kubernetes' own agents name interfaces so. */
function interfaceNameOf(namespace: string, name: string): string {
  return interfacePrefix + createHash("sha1").update(`${namespace}.${name}`).digest("hex").slice(0, 11);
}

const portProtocols: ReadonlyMap<string, "TCP" | "UDP" | "SCTP"> = new Map([
  ["", "TCP"],
  ["TCP", "TCP"],
  ["UDP", "UDP"],
  ["SCTP", "SCTP"],
]);

/** None of those that have no number, no protocol that policies know, or neither a name nor a port at the host. */
function convertPort(declared: z.output<typeof port>): WorkloadEndpointPort[] {
  const { containerPort, name, hostPort, hostIP } = declared;
  const protocol = portProtocols.get(declared.protocol ?? "");
  if (protocol === undefined || !isPortNumber(containerPort ?? 0)) return [];
  if (!isText(name) && !isPortNumber(hostPort ?? 0)) return [];
  const address = isText(hostIP) ? parseAddress(hostIP) : undefined;
  return [
    {
      ...(isText(name) ? { name } : {}),
      protocol,
      port: containerPort ?? 0,
      ...(isPortNumber(hostPort ?? 0) ? { hostPort: hostPort ?? 0 } : {}),
      ...(address === undefined ? {} : { hostIP: addressToCidr(address) }),
    },
  ];
}

/** The end of the pod, or the CNI plugin's word that its address is free again. */
function isFinished({ metadata, status }: Pod): boolean {
  if (["Succeeded", "Failed", "Completed"].includes(status?.phase ?? "")) return true;
  const freed = [annotation.podIp, annotation.awsPodIps].some((name) => metadata.annotations?.[name] === "");
  return freed && isText(metadata.deletionTimestamp);
}

/** The first source that says anything. Undefined when it says what is no address. */
function readNetworks({ metadata, status }: Pod): Cidr[] | undefined {
  const annotations = metadata.annotations ?? {};
  const sources = [
    (status?.podIPs ?? []).map(({ ip }) => ip ?? ""),
    [status?.podIP ?? ""],
    (annotations[annotation.podIps] ?? "").split(","),
    [annotations[annotation.podIp] ?? ""],
    (annotations[annotation.awsPodIps] ?? "").split(","),
  ].map((list) => list.map((item) => item.trim()).filter((item) => item !== ""));
  const found = sources.find((list) => list.length > 0) ?? [];
  const networks = found.map(readHostCidr).filter((network) => network !== undefined);
  return networks.length === found.length ? networks : undefined;
}

function readHostCidr(item: string): Cidr | undefined {
  const cidr = parseCidr(item, { bare: true });
  return cidr !== undefined && isHostCidr(cidr) ? cidr : undefined;
}

type Extra = Pick<WorkloadEndpointSpec, "ipNATs" | "allowSpoofedSourcePrefixes" | "qosControls">;

function readAnnotations({ metadata }: Pod, networks: readonly Cidr[]): Result<Extra> {
  const annotations = metadata.annotations ?? {};
  const sources = readTextList(annotations[annotation.allowedSources]);
  const prefixes = sources?.map((item) => parseCidr(item, { hostBits: true }));
  if (prefixes === undefined || prefixes.includes(undefined)) {
    return failure(`metadata.annotations["${annotation.allowedSources}"]`, "must be a JSON list of CIDRs");
  }
  const floating = networks.length === 0 ? [] : readTextList(annotations[annotation.floatingIps]);
  const external = floating?.map((item) => parseAddress(item));
  if (external === undefined || external.includes(undefined)) {
    return failure(`metadata.annotations["${annotation.floatingIps}"]`, "must be a JSON list of addresses");
  }
  const nats = external.flatMap((externalIP) => translate(externalIP, networks));
  const allowed = prefixes.filter((prefix) => prefix !== undefined);
  const qosControls = convertQos(annotations);
  return success({
    ...(nats.length === 0 ? {} : { ipNATs: nats }),
    ...(allowed.length === 0 ? {} : { allowSpoofedSourcePrefixes: allowed }),
    ...(qosControls === undefined ? {} : { qosControls }),
  });
}

function translate(externalIP: IpAddress | undefined, networks: readonly Cidr[]): NonNullable<Extra["ipNATs"]> {
  if (externalIP === undefined) return [];
  const internal = networks.map(cidrAddress).find((own) => addressVersion(own) === addressVersion(externalIP));
  return internal === undefined ? [] : [{ internalIP: internal, externalIP }];
}

/** Nothing written: an empty list. Undefined: no JSON list of texts. */
function readTextList(json: string | undefined): string[] | undefined {
  if (json === undefined || json === "") return [];
  try {
    const parsed = z.array(z.string()).nullable().safeParse(JSON.parse(json));
    return parsed.success ? (parsed.data ?? []) : undefined;
  } catch {
    return undefined;
  }
}

function isText(value: string | null | undefined): value is string {
  return value !== undefined && value !== null && value !== "";
}

function toProblem({ path, message }: z.core.$ZodIssue): Problem {
  return { path: path.map(String).join("."), message, hint: "" };
}
