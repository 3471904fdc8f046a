import { z } from "zod";
import { asNumber, isNoAsNumber } from "./as-number.ts";
import { Complaint } from "./complaint.ts";
import { isObjectName } from "./formats.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { integer, isBlank, isZero, object, optional, refine, textOf, unsupported } from "./schema.ts";

/** Absent members count as `bgpDefaults`, and so does an absent object. */
export type BGPConfigurationSpec = {
  /** 1..4294967295; in `default` only. */
  readonly asNumber?: number;
  /** In `default` only. */
  readonly nodeToNodeMeshEnabled?: boolean;
  /** 1..65535 */
  readonly listenPort?: number;
  /** How much Calico's speaker would log; no effect here. */
  readonly logSeverityScreen?: string;
};

/** Named `default` or `node.<name>`, the latter for one node only. */
export type BGPConfiguration = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "BGPConfiguration";
  readonly metadata: ObjectMeta;
  readonly spec: BGPConfigurationSpec;
};

export const bgpDefaults = { asNumber: 64512, nodeToNodeMeshEnabled: true, listenPort: 179 } as const;

const isSeverity = (text: string) => /^(trace|debug|info|warning|error|fatal)$/i.test(text);

const spec = object({
  asNumber: optional(asNumber, isNoAsNumber),
  nodeToNodeMeshEnabled: optional(z.boolean()),
  listenPort: optional(integer(1, 65535), isZero),
  logSeverityScreen: optional(
    textOf(isSeverity, "a log severity", "write Trace, Debug, Info, Warning, Error or Fatal"),
    isBlank,
  ),
  serviceClusterIPs: unsupported(),
  serviceExternalIPs: unsupported(),
  serviceLoadBalancerIPs: unsupported(),
  serviceLoadBalancerAggregation: unsupported(),
  communities: unsupported(),
  prefixAdvertisements: unsupported(),
  nodeMeshPassword: unsupported(),
  nodeMeshMaxRestartTime: unsupported(),
  bindMode: unsupported("write None", ["None"]),
  ignoredInterfaces: unsupported(),
  localWorkloadPeeringIPV4: unsupported(),
  localWorkloadPeeringIPV6: unsupported(),
  programClusterRoutes: unsupported("write EnabledNoEncapOnly", ["EnabledNoEncapOnly"]),
  ipv4NormalRoutePriority: unsupported(),
  ipv6NormalRoutePriority: unsupported(),
});

const schema: z.ZodType<BGPConfiguration> = refine(
  resourceSchema(
    {
      apiVersion: "projectcalico.org/v3",
      kind: "BGPConfiguration",
      isNamespaced: false,
      name: { isValid: isConfigurationName, hint: "call it default, or node.NAME for one node" },
    },
    { spec },
  ),
  ({ metadata, spec }) =>
    (["asNumber", "nodeToNodeMeshEnabled"] as const)
      .filter((member) => metadata.name !== "default" && spec[member] !== undefined)
      .map(
        (member) => new Complaint("belongs in the BGPConfiguration called default", "move it there", ["spec", member]),
      ),
);

function isConfigurationName(name: string): boolean {
  return isObjectName(name) && (name === "default" || name.startsWith("node."));
}

export const bgpConfiguration = defineKind({
  kind: "BGPConfiguration",
  plural: "bgpconfigurations",
  singular: "bgpconfiguration",
  shortNames: ["bgpconfig", "bgpconfigs"],
  isNamespaced: false,
  schema,
  columns: {
    AS: ({ spec }) => String(spec.asNumber ?? bgpDefaults.asNumber),
    Mesh: ({ spec }) => String(spec.nodeToNodeMeshEnabled ?? bgpDefaults.nodeToNodeMeshEnabled),
    Port: ({ spec }) => String(spec.listenPort ?? bgpDefaults.listenPort),
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "BGPConfiguration",
    metadata: { name: "default" },
    spec: { asNumber: 64513, nodeToNodeMeshEnabled: true },
  },
});
