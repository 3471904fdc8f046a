import packageJson from "../../package.json" with { type: "json" };
import { apiVersionOf, kindDefinitions } from "../resources/index.ts";

const group = "projectcalico.org";
const groupVersion = { groupVersion: `${group}/v3`, version: "v3" };
const apiGroup = { name: group, versions: [groupVersion], preferredVersion: groupVersion };
const verbs = ["create", "delete", "get", "list", "update", "watch"];

/** What Kubernetes clients read to find out what the API has, by path. */
export const discoveryDocuments: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["/version", versionInfo()],
  ["/api", { kind: "APIVersions", apiVersion: "v1", versions: ["v1"], serverAddressByClientCIDRs: [] }],
  ["/api/v1", resourceList("v1")],
  ["/apis", { kind: "APIGroupList", apiVersion: "v1", groups: [apiGroup] }],
  [`/apis/${group}`, { kind: "APIGroup", apiVersion: "v1", ...apiGroup }],
  [`/apis/${group}/v3`, resourceList(`${group}/v3`)],
]);

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

function resourceList(apiVersion: string): unknown {
  const resources = kindDefinitions
    .filter((definition) => apiVersionOf(definition) === apiVersion)
    .map(({ plural, singular, isNamespaced, kind, shortNames }) => {
      return { name: plural, singularName: singular, namespaced: isNamespaced, kind, shortNames, verbs };
    });
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersion, resources };
}
