import packageJson from "../../package.json" with { type: "json" };
import { type KindDefinition, apiVersionOf, kindDefinitions } from "../resources/index.ts";
import { readDiscoveryVersion } from "./media-type.ts";

type Document = { readonly mediaType: string; readonly body: string };

const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const statusVerbs = ["get", "patch", "update"];
/** `kubectl get tortie` lists everything. */
const categories = ["tortie"];
/** The core group, which has no name, first; a name that two groups have means the kind of the group that comes first. */
const groupNames = [...new Set(["", "projectcalico.org", ...kindDefinitions.map(({ group }) => group)])];

/** What Kubernetes clients read to find out what the API has, by path. */
const documents: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "/version": versionInfo(),
    "/api": { kind: "APIVersions", apiVersion: "v1", versions: ["v1"], serverAddressByClientCIDRs: [] },
    "/apis": { kind: "APIGroupList", apiVersion: "v1", groups: groupNames.filter((name) => name !== "").map(describe) },
    ...Object.fromEntries(
      groupNames
        .filter((name) => name !== "")
        .map((name) => [`/apis/${name}`, { kind: "APIGroup", apiVersion: "v1", ...describe(name) }]),
    ),
    ...Object.fromEntries(apiVersions().map((apiVersion) => [rootOf(apiVersion), resourceList(apiVersion)])),
  }).map(([path, document]) => [path, JSON.stringify(document)]),
);

/** With one answer for all groups, for the clients that ask for it. */
export function findDiscoveryDocument(path: string, accept: string | undefined): Document | undefined {
  const version = path === "/api" || path === "/apis" ? readDiscoveryVersion(accept) : undefined;
  if (version !== undefined) {
    const groups = groupNames.filter((name) => (name === "") === (path === "/api"));
    const list = { kind: "APIGroupDiscoveryList", apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {} };
    return {
      mediaType: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
      body: JSON.stringify({ ...list, items: groups.map(describeWhole) }),
    };
  }
  const body = documents.get(path);
  return body === undefined ? undefined : { mediaType: "application/json", body };
}

/** All group versions, as objects name them. */
export function apiVersions(): string[] {
  return [...new Set(kindDefinitions.map(apiVersionOf))];
}

/** Where the kinds of a group version lie. */
export function rootOf(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** The version of Kubernetes whose API conventions are followed, and in `gitVersion` also ours. */
function versionInfo(): unknown {
  return {
    major: "1",
    minor: "32",
    gitVersion: `v1.32.0+tortie.${packageJson.version}`,
    gitCommit: "",
    gitTreeState: "",
    buildDate: "",
    goVersion: "",
    compiler: "node",
    platform: `${process.platform}/${process.arch}`,
  };
}

function describe(name: string) {
  const versions = versionsOf(name).map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions, preferredVersion: versions[0] };
}

function versionsOf(group: string): string[] {
  return [...new Set(kindDefinitions.filter((kind) => kind.group === group).map(({ version }) => version))];
}

function resourceList(apiVersion: string): unknown {
  const resources = kindsOf(apiVersion).flatMap((definition) => {
    const { plural, singular, isNamespaced, apiKind: kind, shortNames, hasStatus } = definition;
    const common = { namespaced: isNamespaced, kind };
    const whole = { name: plural, singularName: singular, ...common, shortNames, categories, verbs };
    const status = { name: `${plural}/status`, singularName: "", ...common, verbs: statusVerbs };
    return hasStatus ? [whole, status] : [whole];
  });
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersion, resources };
}

function describeWhole(group: string): unknown {
  const versions = versionsOf(group).map((version) => ({
    version,
    freshness: "Current",
    resources: kindsOf(group === "" ? version : `${group}/${version}`).map(describeResource),
  }));
  return { metadata: { name: group, creationTimestamp: null }, versions };
}

function describeResource({
  plural,
  singular,
  isNamespaced,
  apiKind,
  shortNames,
  hasStatus,
  group,
  version,
}: KindDefinition) {
  const responseKind = { group, version, kind: apiKind };
  const status = { subresource: "status", responseKind, verbs: statusVerbs };
  return {
    resource: plural,
    responseKind,
    scope: isNamespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    shortNames,
    categories,
    verbs,
    ...(hasStatus ? { subresources: [status] } : {}),
  };
}

function kindsOf(apiVersion: string): KindDefinition[] {
  return kindDefinitions.filter((definition) => apiVersionOf(definition) === apiVersion);
}
