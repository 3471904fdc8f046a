import { z } from "zod";
import { Complaint } from "./complaint.ts";
import { isGlobalPolicyName } from "./formats.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import { policyNameHint } from "./network-policy.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { type PolicySpec, applyPolicyDefaults, policyColumns, policyShape } from "./policy.ts";
import { httpRules } from "./rule.ts";
import { isBlank, isFalse, object, optional, refine } from "./schema.ts";
import { selectorWithoutGlobal } from "./selector-fields.ts";

export type GlobalNetworkPolicySpec = PolicySpec & {
  /** Absent: everything, host endpoints included; `all()`: every workload and no host endpoint. */
  readonly namespaceSelector?: string;
  /** Such a policy reaches host endpoints only, never a workload. */
  readonly doNotTrack?: boolean;
  /** Such a policy reaches host endpoints only, never a workload. */
  readonly preDNAT?: boolean;
  /** Makes no difference for workloads. */
  readonly applyOnForward?: boolean;
};

export type GlobalNetworkPolicy = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "GlobalNetworkPolicy";
  readonly metadata: ObjectMeta;
  readonly spec: GlobalNetworkPolicySpec;
};

export const globalPolicyShape = {
  ...policyShape(true),
  namespaceSelector: optional(selectorWithoutGlobal, isBlank),
  doNotTrack: optional(z.boolean(), isFalse),
  preDNAT: optional(z.boolean(), isFalse),
  applyOnForward: optional(z.boolean(), isFalse),
};

const schema: z.ZodType<GlobalNetworkPolicy> = resourceSchema(
  {
    apiVersion: "projectcalico.org/v3",
    kind: "GlobalNetworkPolicy",
    isNamespaced: false,
    name: { isValid: isGlobalPolicyName, hint: policyNameHint },
  },
  { spec: refine(object(globalPolicyShape), checkFlags) },
);

type Flagged = Omit<GlobalNetworkPolicySpec, "types"> & Partial<Pick<GlobalNetworkPolicySpec, "types">>;

export function checkFlags({ doNotTrack, preDNAT, applyOnForward, types = [], egress = [] }: Flagged): Complaint[] {
  const complaints: Complaint[] = [];
  if (doNotTrack === true && preDNAT === true) {
    complaints.push(new Complaint("excludes doNotTrack", "set one of the two", ["preDNAT"]));
  }
  if ((doNotTrack === true || preDNAT === true) && applyOnForward !== true) {
    const flag = doNotTrack === true ? "doNotTrack" : "preDNAT";
    complaints.push(new Complaint("needs applyOnForward", "add applyOnForward: true", [flag]));
  }
  if (preDNAT === true && egress.length > 0) {
    complaints.push(new Complaint("a preDNAT policy has no egress rules", "remove them", ["egress"]));
  }
  if (preDNAT === true && types.includes("Egress")) {
    complaints.push(new Complaint("a preDNAT policy has no type Egress", "write types: [Ingress]", ["types"]));
  }
  return complaints;
}

export const globalNetworkPolicy = defineKind({
  kind: "GlobalNetworkPolicy",
  plural: "globalnetworkpolicies",
  singular: "globalnetworkpolicy",
  shortNames: ["gnp", "cgnp"],
  isNamespaced: false,
  schema,
  applyDefaults: applyPolicyDefaults,
  leftOut: httpRules,
  columns: policyColumns,
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "GlobalNetworkPolicy",
    metadata: { name: "allow-ping" },
    spec: {
      order: 10,
      namespaceSelector: "all()",
      types: ["Ingress"],
      ingress: [
        { action: "Allow", protocol: "ICMP", icmp: { type: 8 } },
        { action: "Allow", protocol: "ICMPv6", icmp: { type: 128 } },
        { action: "Pass" },
      ],
    },
  },
});
