import type { z } from "zod";
import type { Problem } from "../lib/index.ts";
import { systemLabels } from "../selector/index.ts";
import { defineKind, resourceSchema } from "./kind-definition.ts";
import type { Namespace } from "./namespace.ts";
import { type Labels, type ObjectMeta, labels } from "./object-meta.ts";
import type { ServiceAccount } from "./service-account.ts";
import { type Rule, httpRules, rules } from "./rule.ts";
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

/** The profile of those that run as a service account. Without a namespace the account is in `default`. */
export function serviceAccountProfileName(namespace: string, name: string): string {
  return `${serviceAccountPrefix}${namespace === "" ? "default" : namespace}.${name}`;
}

/** What a service account gives its endpoints: labels with a prefix, and no rules. */
export function serviceAccountProfile({ metadata }: ServiceAccount): Profile {
  const name = serviceAccountProfileName(metadata.namespace ?? "", metadata.name);
  const labelsToApply = inheritedLabels(metadata, systemLabels.serviceAccountPrefix);
  return { apiVersion: "projectcalico.org/v3", kind: "Profile", metadata: { name }, spec: { labelsToApply } };
}

/** What a namespace gives its endpoints: everything allowed, and its labels with a prefix. */
export function namespaceProfile(namespace: Namespace): Profile {
  const { metadata } = namespace;
  return allowAll(defaultProfileName(metadata.name), inheritedLabels(metadata, systemLabels.namespacePrefix));
}

function inheritedLabels({ name, labels = {} }: ObjectMeta, prefix: string): Labels {
  const inherited = Object.entries(labels).map(([label, value]) => [prefix + label, value]);
  return Object.fromEntries([...inherited, [`${prefix}projectcalico.org/name`, name]]);
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
  return [{ path, message: `the profile ${name} is made from a service account`, hint: "change its labels instead" }];
}

const schema: z.ZodType<Profile> = resourceSchema(
  { apiVersion: "projectcalico.org/v3", kind: "Profile", isNamespaced: false },
  {
    spec: object({
      ingress: optional(rules({ direction: "ingress" }), isEmptyList),
      egress: optional(rules({ direction: "egress" }), isEmptyList),
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
  leftOut: httpRules,
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
