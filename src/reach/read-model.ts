import { type Cidr, type Problem, type Result, addressToCidr, failure, parseAddress, success } from "../lib/index.ts";
import {
  type Json,
  type Kind,
  type Labels,
  type Resource,
  type WorkloadEndpoint,
  type WorkloadEndpointPort,
  type WorkloadEndpointSpec,
  decodeResource,
  defaultProfileName,
  isRecord,
  serviceAccountProfileName,
  workloadEndpointName,
} from "../resources/index.ts";
import { PolicyModel } from "./policy-model.ts";

/** All workloads of a model are on this host: where they are plays no part. */
const host = "host";

/** What a model may have beside workloads, namespaces and service accounts. */
const policyKinds: ReadonlySet<Kind> = new Set<Kind>([
  "NetworkPolicy",
  "GlobalNetworkPolicy",
  "KubernetesNetworkPolicy",
  "KubernetesClusterNetworkPolicy",
  "StagedNetworkPolicy",
  "StagedGlobalNetworkPolicy",
  "StagedKubernetesNetworkPolicy",
  "Tier",
  "Profile",
  "NetworkSet",
  "GlobalNetworkSet",
]);

/** Reads `{namespaces, workloads, serviceAccounts?, policies}`: workloads as pods of Kubernetes, policies as whole objects. */
export function readModel(json: unknown): Result<PolicyModel> {
  if (!isRecord(json)) return failure("model", "must be an object");
  const problems: Problem[] = [];
  const collect = <T>(result: Result<T>): T[] => {
    if (result.ok) return [result.value];
    problems.push(...result.problems);
    return [];
  };
  const resources: Resource[] = [];
  for (const [name, labels] of entriesOf(json["namespaces"])) {
    resources.push(
      ...collect(readLabels(labels, `model.namespaces["${name}"]`)).map((read): Resource => {
        return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels: read }, spec: {} };
      }),
    );
  }
  for (const [id, labels] of entriesOf(json["serviceAccounts"])) {
    resources.push(...collect(readServiceAccount(id, labels)));
  }
  for (const [at, policy] of listOf(json["policies"]).entries()) {
    resources.push(...collect(readPolicy(policy, `model.policies[${at}]`)));
  }
  const workloads = listOf(json["workloads"]).flatMap((workload, at) =>
    collect(readWorkload(workload, `model.workloads[${at}]`, at)),
  );
  const names = new Set(workloads.map(({ name }) => name));
  if (names.size < workloads.length) return failure("model.workloads", "two of them have the same name");
  return problems.length > 0 ? { ok: false, problems } : success(new PolicyModel(host, workloads, resources));
}

function entriesOf(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function readLabels(value: unknown, path: string): Result<Labels> {
  const labels: [string, string][] = [];
  for (const [label, text] of entriesOf(value)) {
    if (typeof text !== "string") return failure(`${path}["${label}"]`, "must be text");
    labels.push([label, text]);
  }
  return success(Object.fromEntries(labels));
}

function readServiceAccount(id: string, value: unknown): Result<Resource> {
  const path = `model.serviceAccounts["${id}"]`;
  const [namespace = "", name = "", ...rest] = id.split("/");
  const labels = readLabels(value, path);
  if (!labels.ok) return labels;
  if (namespace === "" || name === "" || rest.length > 0) return failure(path, "must be called namespace/name");
  return success({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, labels: labels.value } });
}

function readPolicy(json: unknown, path: string): Result<Resource> {
  const decoded = decodeResource(json, { unknownFields: "keep" });
  if (!decoded.ok) {
    return {
      ok: false,
      problems: decoded.problems.map((problem) => ({
        ...problem,
        path: problem.path === "" ? path : `${path}.${problem.path}`,
      })),
    };
  }
  if (!policyKinds.has(decoded.value.kind)) {
    return failure(`${path}.kind`, `a model has no ${decoded.value.kind} among its policies`);
  }
  return decoded;
}

/** `name` is `namespace/name`. */
type Workload = { readonly name: string; readonly endpoint: WorkloadEndpoint };

function readWorkload(json: unknown, path: string, at: number): Result<Workload> {
  if (!isRecord(json)) return failure(path, "must be an object");
  const { namespace, name, serviceAccount: account = null } = json;
  if (typeof namespace !== "string" || namespace === "") return failure(`${path}.namespace`, "is missing");
  if (typeof name !== "string" || name === "") return failure(`${path}.name`, "is missing");
  if (account !== null && typeof account !== "string") return failure(`${path}.serviceAccount`, "must be text");
  const labels = readLabels(json["labels"], `${path}.labels`);
  const networks = readNetworks(json, path);
  const ports = readPorts(json["ports"], `${path}.ports`);
  const profiles = readProfiles(json["profiles"], `${path}.profiles`);
  if (!labels.ok) return labels;
  if (!networks.ok) return networks;
  if (!ports.ok) return ports;
  if (!profiles.ok) return profiles;
  const hasAccount = account !== null && account !== "";
  const usual = [defaultProfileName(namespace), ...(hasAccount ? [serviceAccountProfileName(namespace, account)] : [])];
  const spec: WorkloadEndpointSpec = {
    node: host,
    orchestrator: "k8s",
    pod: name,
    endpoint: "eth0",
    interfaceName: `tt${at}`,
    ipNetworks: networks.value,
    ports: ports.value,
    profiles: profiles.value ?? usual,
    ...(hasAccount ? { serviceAccountName: account } : {}),
  };
  const metadata = { name: workloadEndpointName(host, "k8s", name, "eth0"), namespace, labels: labels.value };
  const endpoint: WorkloadEndpoint = { apiVersion: "projectcalico.org/v3", kind: "WorkloadEndpoint", metadata, spec };
  return success({ name: `${namespace}/${name}`, endpoint });
}

function readNetworks(json: Json, path: string): Result<Cidr[]> {
  const networks: Cidr[] = [];
  const all = [["ip", json["ip"]] as const, ...listOf(json["ips"]).map((ip, at) => [`ips[${at}]`, ip] as const)];
  for (const [member, value] of all) {
    const address = typeof value === "string" ? parseAddress(value.replace(/\/(32|128)$/, "")) : undefined;
    if (address === undefined) return failure(`${path}.${member}`, "must be an address");
    networks.push(addressToCidr(address));
  }
  return success(networks);
}

const protocolNames = ["TCP", "UDP", "SCTP"] as const;

function readPorts(value: unknown, path: string): Result<WorkloadEndpointPort[]> {
  const ports: WorkloadEndpointPort[] = [];
  for (const [at, item] of listOf(value).entries()) {
    const { name, port, protocol = "TCP" } = isRecord(item) ? item : {};
    const known = protocolNames.find((candidate) => candidate === protocol);
    const isPort = typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65535;
    if (typeof name !== "string" || name === "") return failure(`${path}[${at}].name`, "is missing");
    if (!isPort) return failure(`${path}[${at}].port`, "must be a number from 1 to 65535");
    if (known === undefined) return failure(`${path}[${at}].protocol`, "must be TCP, UDP or SCTP");
    ports.push({ name, protocol: known, port });
  }
  return success(ports);
}

function readProfiles(value: unknown, path: string): Result<string[] | undefined> {
  if (value === undefined || value === null) return success(undefined);
  const names = listOf(value).filter((name) => typeof name === "string");
  const isGood = Array.isArray(value) && names.length === value.length;
  return isGood ? success(names) : failure(path, "must be a list of names");
}
