import type { z } from "zod";
import { isPolicyName } from "./formats.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import type { ObjectMeta } from "./object-meta.ts";
import { type PolicySpec, applyPolicyDefaults, policyColumns, policyShape } from "./policy.ts";
import { httpRules } from "./rule.ts";
import { object } from "./schema.ts";

export type NetworkPolicySpec = PolicySpec;

export type NetworkPolicy = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "NetworkPolicy";
  readonly metadata: ObjectMeta;
  readonly spec: NetworkPolicySpec;
};

export const policyNameHint =
  "lower-case letters, digits and dashes, at most one dot; letters or digits at both ends and beside the dot";

const schema: z.ZodType<NetworkPolicy> = resourceSchema(
  {
    apiVersion: "projectcalico.org/v3",
    kind: "NetworkPolicy",
    isNamespaced: true,
    name: { isValid: isPolicyName, hint: policyNameHint },
  },
  { spec: object(policyShape(false)) },
);

export const networkPolicy = defineKind({
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  singular: "networkpolicy",
  shortNames: ["cnp", "caliconetworkpolicy", "caliconetworkpolicies"],
  isNamespaced: true,
  schema,
  applyDefaults: applyPolicyDefaults,
  leftOut: httpRules,
  columns: policyColumns,
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "NetworkPolicy",
    metadata: { name: "database", namespace: "shop" },
    spec: {
      order: 100,
      selector: "role == 'database'",
      types: ["Ingress", "Egress"],
      ingress: [
        {
          action: "Allow",
          protocol: "TCP",
          source: { selector: "role == 'frontend'" },
          destination: { ports: [5432] },
        },
      ],
      egress: [{ action: "Deny", destination: { nets: ["192.0.2.0/24"] } }, { action: "Allow" }],
    },
  },
});
