import { isDeepStrictEqual } from "node:util";
import { definitionOf } from "../resources/index.ts";
import { type LabPart, partKey } from "./lab-part.ts";

/** One step from what is there to what is wanted. `present` is the part as it was, where it is changed in place. */
export type PartChange =
  | { readonly type: "put"; readonly part: LabPart; readonly present?: LabPart }
  | { readonly type: "remove"; readonly part: LabPart };

/** What hangs on what: a workload on its host's agent, processes and links on namespaces. */
const removalOrder: readonly LabPart["type"][] = ["workload", "process", "resource", "link", "namespace"];

/** The steps in their order: removals, leaves first, then puts in the order of `wanted`. */
export function diffParts(present: ReadonlyMap<string, LabPart>, wanted: readonly LabPart[]): PartChange[] {
  const kept = new Set<string>();
  const puts: PartChange[] = [];
  for (const part of wanted) {
    const key = partKey(part);
    const old = present.get(key);
    if (old === undefined) puts.push({ type: "put", part });
    else if (isDeepStrictEqual(old, part)) kept.add(key);
    else if (!isChangeable(old, part)) puts.push({ type: "put", part });
    else {
      kept.add(key);
      puts.push({ type: "put", part, present: old });
    }
  }
  const removals = [...present]
    .filter(([key]) => !kept.has(key))
    .map(([, part]): PartChange => ({ type: "remove", part }))
    .toReversed()
    .toSorted((a, b) => removalOrder.indexOf(a.part.type) - removalOrder.indexOf(b.part.type));
  return [...removals, ...puts];
}

/** Whether the old part can become the new one without being taken away first. */
function isChangeable(old: LabPart, next: LabPart): boolean {
  if (next.type === "resource") return true;
  if (old.type === "process" && next.type === "process")
    return isDeepStrictEqual({ ...old, config: next.config }, next);
  // Attaching again gives a workload its new labels and profiles, and leaves it its addresses.
  return (
    old.type === "workload" && next.type === "workload" && old.host === next.host && old.namespace === next.namespace
  );
}

/** What a user would call the changes, a line each: hosts, spines, workloads and objects of the file; the rest follows from them. */
export function describeChanges(changes: readonly PartChange[]): string[] {
  const put = new Set<string>();
  const removed = new Set<string>();
  for (const change of changes) {
    const name = nameOf(change.part);
    if (name === undefined) continue;
    (change.type === "remove" || change.present !== undefined ? removed : put).add(name);
    if (change.type === "put") put.add(name);
  }
  const names = [...removed, ...[...put].filter((name) => !removed.has(name))];
  return names.map((name) => `${name} ${!put.has(name) ? "removed" : removed.has(name) ? "changed" : "added"}`);
}

function nameOf(part: LabPart): string | undefined {
  switch (part.type) {
    case "namespace":
      return part.role === "host" || part.role === "spine" ? `${part.role} ${part.name}` : undefined;
    case "workload":
      return `workload ${part.name}`;
    case "resource": {
      if (!part.isFromFile) return part.resource.kind === "IPPool" ? `pool ${part.resource.spec.cidr}` : undefined;
      const { name, namespace } = part.resource.metadata;
      return `${definitionOf(part.resource.kind).singular} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
    }
    case "link":
    case "process":
      return undefined;
  }
}
