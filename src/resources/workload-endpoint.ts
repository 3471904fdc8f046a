import { z } from "zod";
import { type Cidr, type IpAddress, type Problem, addressToCidr, addressVersion } from "../lib/index.ts";
import { Complaint, show } from "./complaint.ts";
import { workloadEndpointName } from "./endpoint-names.ts";
import { isContainerId } from "./formats.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { address, cidr, hostCidr, interfaceName, mac, reference } from "./network-fields.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { portName, portProtocol } from "./port.ts";
import type { Protocol } from "./protocol.ts";
import { type QosControls, qosControls } from "./qos-controls.ts";
import {
  integer,
  isBlank,
  isEmptyList,
  isRecord,
  isZero,
  list,
  object,
  optional,
  refine,
  required,
  textOf,
} from "./schema.ts";

/** A port that policies may call by name. */
export type WorkloadEndpointPort = {
  /** Absent only beside a hostPort; such a port is never matched. */
  readonly name?: string;
  /** TCP, UDP, SCTP or their numbers. */
  readonly protocol: Protocol;
  readonly port: number;
  readonly hostPort?: number;
  readonly hostIP?: Cidr;
};

export type WorkloadEndpointSpec = {
  readonly orchestrator?: string;
  readonly node?: string;
  readonly pod?: string;
  readonly containerID?: string;
  readonly workload?: string;
  readonly endpoint?: string;
  readonly serviceAccountName?: string;
  /** /32 and /128 only. */
  readonly ipNetworks?: readonly Cidr[];
  readonly ipv4Gateway?: IpAddress;
  readonly ipv6Gateway?: IpAddress;
  /** In order; a name without a Profile counts as a profile without rules. */
  readonly profiles?: readonly string[];
  /** The host's end. */
  readonly interfaceName: string;
  /** Lower-case hex with colons. */
  readonly mac?: string;
  readonly ports?: readonly WorkloadEndpointPort[];
  /** Addresses of `ipNetworks` that are known outside by others; kept as data, no address is ever translated. */
  readonly ipNATs?: readonly { readonly internalIP: IpAddress; readonly externalIP: IpAddress }[];
  /** Sources beside its own addresses. */
  readonly allowSpoofedSourcePrefixes?: readonly Cidr[];
  readonly qosControls?: QosControls;
};

export type WorkloadEndpoint = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "WorkloadEndpoint";
  readonly metadata: ObjectMeta;
  readonly spec: WorkloadEndpointSpec;
};

const port = refine(
  object({
    name: optional(portName, isBlank),
    protocol: required(portProtocol, isBlank),
    port: required(integer(1, 65535), isZero),
    hostPort: optional(integer(1, 65535), isZero),
    hostIP: optional(cidr({ bare: true }), isBlank),
  }),
  ({ name, hostPort }) => {
    return name === undefined && hostPort === undefined
      ? new Complaint("has no name", "name it; only a port with a hostPort needs none")
      : undefined;
  },
);

const ipNat = refine(
  object({ internalIP: required(address(), isBlank), externalIP: required(address(), isBlank) }),
  ({ internalIP, externalIP }) =>
    addressVersion(internalIP) === addressVersion(externalIP)
      ? undefined
      : new Complaint("must be of the IP version of internalIP", "", ["externalIP"]),
);

const members = object({
  orchestrator: optional(reference, isBlank),
  node: optional(reference, isBlank),
  pod: optional(reference, isBlank),
  containerID: optional(textOf(isContainerId, "a container id", "letters, digits and dashes between them"), isBlank),
  workload: optional(reference, isBlank),
  endpoint: optional(reference, isBlank),
  serviceAccountName: optional(reference, isBlank),
  ipNetworks: optional(list(hostCidr), isEmptyList),
  ipv4Gateway: optional(address(4), isBlank),
  ipv6Gateway: optional(address(6), isBlank),
  profiles: optional(list(reference), isEmptyList),
  interfaceName: required(interfaceName, isBlank),
  mac: optional(mac, isBlank),
  ports: optional(list(port), isEmptyList),
  ipNATs: optional(list(ipNat), isEmptyList),
  allowSpoofedSourcePrefixes: optional(list(cidr({ bare: true, hostBits: true })), isEmptyList),
  qosControls: optional(qosControls),
});

const spec = refine(members, ({ ipNATs = [], ipNetworks = [] }) =>
  ipNATs.flatMap(({ internalIP }, at) => {
    if (ipNetworks.includes(addressToCidr(internalIP))) return [];
    return new Complaint(`${internalIP} is no address of this endpoint`, "add it to ipNetworks", [
      "ipNATs",
      at,
      "internalIP",
    ]);
  }),
);

const schema: z.ZodType<WorkloadEndpoint> = z.preprocess(
  withComputedName,
  resourceSchema({ apiVersion: "projectcalico.org/v3", kind: "WorkloadEndpoint", isNamespaced: true }, { spec }),
);

/** An endpoint may be created without a name: its other members tell it. */
function withComputedName(json: unknown): unknown {
  if (!isRecord(json) || !isRecord(json["spec"])) return json;
  const metadata = json["metadata"] ?? {};
  if (!isRecord(metadata) || (metadata["name"] ?? "") !== "") return json;
  const name = computeName(json["spec"]);
  return name === undefined ? json : { ...json, metadata: { ...metadata, name } };
}

/** Undefined when a part is missing or no name. */
function computeName(spec: Readonly<Record<string, unknown>>): string | undefined {
  const workloadMembers = new Map([
    ["k8s", spec["pod"]],
    ["cni", spec["containerID"]],
    ["libnetwork", "libnetwork"],
  ]);
  const { node, orchestrator, endpoint } = spec;
  if (!isPart(node) || !isPart(orchestrator) || !isPart(endpoint)) return undefined;
  const workload = workloadMembers.has(orchestrator) ? workloadMembers.get(orchestrator) : spec["workload"];
  return isPart(workload) ? workloadEndpointName(node, orchestrator, workload, endpoint) : undefined;
}

function isPart(value: unknown): value is string {
  return typeof value === "string" && value !== "" && !value.startsWith("-") && !value.endsWith("-");
}

function checkName({ metadata, spec }: WorkloadEndpoint): Problem[] {
  const expected = computeName(spec);
  if (expected === metadata.name) return [];
  const path = "metadata.name";
  if (expected !== undefined) {
    return [
      {
        path,
        message: `${show(metadata.name)} is not the name of this endpoint`,
        hint: `write ${expected} or leave it out`,
      },
    ];
  }
  const message = "cannot be checked: the spec does not say whose endpoint this is";
  return [{ path, message, hint: "give spec.node, orchestrator, endpoint and workload (k8s: pod, cni: containerID)" }];
}

export const workloadEndpoint = defineKind({
  kind: "WorkloadEndpoint",
  plural: "workloadendpoints",
  singular: "workloadendpoint",
  shortNames: ["wep", "weps"],
  isNamespaced: true,
  schema,
  admit: checkName,
  columns: {
    Workload: ({ spec }) => spec.workload ?? spec.pod ?? spec.containerID ?? "",
    Node: ({ spec }) => spec.node ?? "",
    Networks: ({ spec }) => (spec.ipNetworks ?? []).join(","),
    Interface: ({ spec }) => spec.interfaceName,
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "WorkloadEndpoint",
    metadata: { name: "host--1-tortie-web--1-eth0", namespace: "shop", labels: { role: "frontend" } },
    spec: {
      node: "host-1",
      orchestrator: "tortie",
      workload: "web-1",
      endpoint: "eth0",
      interfaceName: "tt0123456789a",
      ipNetworks: ["10.65.0.2/32", "fd00:10:65::2/128"],
      profiles: ["kns.shop"],
      mac: "ee:ee:ee:ee:ee:ee",
      ports: [{ name: "http", protocol: "TCP", port: 8080 }],
    },
  },
});
