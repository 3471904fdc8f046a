import { type Result, failure, success } from "../lib/index.ts";
import { show } from "./complaint.ts";
import { convertClusterNetworkPolicy } from "./convert-cluster-network-policy.ts";
import { convertNetworkPolicy } from "./convert-network-policy.ts";
import { convertPod, podEndpointName } from "./convert-pod.ts";
import { convertUid } from "./convert-uid.ts";
import type { KindDefinition } from "./kind-definition.ts";
import { kubernetesClusterNetworkPolicy } from "./kubernetes-cluster-network-policy.ts";
import { kubernetesNetworkPolicy } from "./kubernetes-network-policy.ts";
import { namespace } from "./namespace.ts";
import { type Profile, namespaceProfile, serviceAccountProfile } from "./profile.ts";
import type { Kind, Resource, ResourceOf } from "./resource.ts";
import { type Json, isRecord } from "./schema.ts";
import { serviceAccount } from "./service-account.ts";

/** What is made of an object of Kubernetes, and under which key it is kept; a null value: nothing. */
export type ConvertedObject = {
  readonly value: Resource | null;
  readonly key: { readonly kind: string; readonly namespace: string; readonly name: string };
};

/** Converts a NetworkPolicy, ClusterNetworkPolicy, Pod, Namespace or ServiceAccount of Kubernetes, told apart by `kind`. */
export function convertKubernetesObject(json: unknown): Result<ConvertedObject> {
  if (!isRecord(json)) return failure("", `must be an object, not ${show(json)}`);
  switch (json["kind"]) {
    case "NetworkPolicy":
      return convertPolicy(kubernetesNetworkPolicy, json, convertNetworkPolicy);
    case "ClusterNetworkPolicy":
      return convertPolicy(kubernetesClusterNetworkPolicy, json, convertClusterNetworkPolicy);
    case "Namespace":
      return convertProfile(namespace, json, namespaceProfile);
    case "ServiceAccount":
      return convertProfile(serviceAccount, json, serviceAccountProfile);
    case "Pod": {
      const key = podEndpointName(json);
      const converted = convertPod(json);
      if (!converted.ok) return converted;
      return success({
        value: converted.value ?? null,
        key: { kind: "WorkloadEndpoint", namespace: "", name: "", ...key },
      });
    }
    default: {
      const hint = "there are NetworkPolicy, ClusterNetworkPolicy, Pod, Namespace and ServiceAccount";
      return failure("kind", `nothing is made of ${show(json["kind"])}`, hint);
    }
  }
}

function decode<K extends Kind>(definition: KindDefinition<K>, json: Json): Result<ResourceOf<K>> {
  const { group, version } = definition;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  return definition.decode({ ...json, apiVersion }, { unknownFields: "keep" });
}

function convertPolicy<K extends Kind>(
  definition: KindDefinition<K>,
  json: Json,
  convert: (policy: ResourceOf<K>) => Result<Resource | undefined>,
): Result<ConvertedObject> {
  const policy = decode(definition, json);
  if (!policy.ok) return policy;
  const { name, namespace = "" } = policy.value.metadata;
  const converted = convert(policy.value);
  if (!converted.ok) return converted;
  return success({ value: converted.value ?? null, key: { kind: definition.kind, namespace, name } });
}

function convertProfile<K extends Kind>(
  definition: KindDefinition<K>,
  json: Json,
  convert: (object: ResourceOf<K>) => Profile,
): Result<ConvertedObject> {
  const object = decode(definition, json);
  if (!object.ok) return object;
  const profile = convert(object.value);
  const { name } = profile.metadata;
  const { uid } = object.value.metadata;
  const converted = uid === undefined ? undefined : convertUid(uid);
  if (uid !== undefined && converted === undefined) return failure("metadata.uid", "is no UUID");
  const metadata = { ...profile.metadata, ...(converted === undefined ? {} : { uid: converted }) };
  return success({ value: { ...profile, metadata }, key: { kind: "Profile", namespace: "", name } });
}
