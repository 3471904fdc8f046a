import type { z } from "zod";
import type { Problem } from "../lib/index.ts";
import { systemLabels } from "../selector/index.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import type { Namespace } from "./namespace.ts";
import { type Labels, type ObjectMeta, labels } from "./object-meta.ts";
import { type Rule, rules } from "./rule.ts";
import { isEmptyList, object, optional } from "./schema.ts";

export type ProfileSpec = {
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
  /** Inherited by endpoints that list the profile. */
  readonly labelsToApply?: Labels;
};

export type Profile = {
  readonly apiVersion: "projectcalico.org/v3";
  readonly kind: "Profile";
  readonly metadata: ObjectMeta;
  readonly spec: ProfileSpec;
};

const namespacePrefix = "kns.";
const serviceAccountPrefix = "ksa.";

/** The profile every workload of a namespace has unless it names others. */
export function defaultProfileName(namespace: string): string {
  return namespacePrefix + namespace;
}

/** What a namespace gives its endpoints: everything allowed, and its labels with a prefix. */
export function namespaceProfile(namespace: Namespace): Profile {
  const { name } = namespace.metadata;
  const inherited: [string, string][] = Object.entries(namespace.metadata.labels ?? {}).map(([label, value]) => [
    systemLabels.namespacePrefix + label,
    value,
  ]);
  inherited.push([`${systemLabels.namespacePrefix}projectcalico.org/name`, name]);
  return allowAll(defaultProfileName(name), Object.fromEntries(inherited));
}

/** Always there without being stored; cannot be created, changed or deleted. */
export const defaultAllowProfile: Profile = allowAll("projectcalico-default-allow");

function allowAll(name: string, labelsToApply?: Labels): Profile {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "Profile",
    metadata: { name },
    spec: {
      ingress: [{ action: "Allow" }],
      egress: [{ action: "Allow" }],
      ...(labelsToApply === undefined ? {} : { labelsToApply }),
    },
  };
}

function refuseVirtual({ metadata: { name } }: Profile): Problem[] {
  const path = "metadata.name";
  if (name === defaultAllowProfile.metadata.name) {
    return [{ path, message: `the profile ${name} is built in`, hint: "give the profile another name" }];
  }
  if (name.startsWith(namespacePrefix)) {
    return [
      {
        path,
        message: `the profile ${name} is made from a namespace`,
        hint: "change the labels of the Namespace instead",
      },
    ];
  }
  if (!name.startsWith(serviceAccountPrefix)) return [];
  return [
    { path, message: `the profile ${name} is made from a service account`, hint: "give the profile another name" },
  ];
}

const schema: z.ZodType<Profile> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "Profile", isNamespaced: false },
  {
    spec: object({
      ingress: optional(rules, isEmptyList),
      egress: optional(rules, isEmptyList),
      labelsToApply: optional(labels),
    }),
  },
);

export const profile = defineKind({
  kind: "Profile",
  plural: "profiles",
  singular: "profile",
  isNamespaced: false,
  schema,
  admit: refuseVirtual,
  columns: {
    Ingress: ({ spec }) => `${spec.ingress?.length ?? 0} rules`,
    Egress: ({ spec }) => `${spec.egress?.length ?? 0} rules`,
    Labels: ({ spec }) => Object.keys(spec.labelsToApply ?? {}).join(","),
  },
  example: {
    apiVersion: "projectcalico.org/v3",
    kind: "Profile",
    metadata: { name: "outward-only" },
    spec: { egress: [{ action: "Allow" }], labelsToApply: { exposure: "outward" } },
  },
});
