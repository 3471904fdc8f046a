/** How a client wants its answer, of the representations Kubernetes knows for objects. */
export type Representation = "object" | "table" | "metadata";

type Clause = { readonly type: string; readonly as: string; readonly group: string; readonly version: string };

/**
 * By the Accept header, whose clauses kubectl writes in the order of its wishes. What is not known here is passed over, and
 * whoever accepts nothing we have is sent plain JSON all the same.
 */
export function readRepresentation(accept: string | undefined): Representation {
  for (const { as, group, version } of readClauses(accept)) {
    if (as === "") return "object";
    if (group !== "meta.k8s.io" || !["v1", "v1beta1"].includes(version)) continue;
    if (as === "Table") return "table";
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") return "metadata";
  }
  return "object";
}

/** The version of aggregated discovery that is asked for before plain discovery is. */
export function readDiscoveryVersion(accept: string | undefined): "v2" | "v2beta1" | undefined {
  for (const { as, group, version } of readClauses(accept)) {
    if (as === "") return undefined;
    if (as !== "APIGroupDiscoveryList" || group !== "apidiscovery.k8s.io") continue;
    if (version === "v2" || version === "v2beta1") return version;
  }
  return undefined;
}

/** Clauses for JSON, in their order. */
function readClauses(accept = "application/json"): Clause[] {
  return accept
    .split(",")
    .slice(0, 20)
    .map(readClause)
    .filter(({ type }) => ["application/json", "application/*", "*/*"].includes(type));
}

function readClause(text: string): Clause {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const parameters = new Map(rest.map((part) => [part.split("=")[0], part.split("=")[1] ?? ""]));
  const { as = "", g = "", v = "" } = Object.fromEntries(parameters);
  return { type: type.toLowerCase(), as, group: g, version: v };
}
