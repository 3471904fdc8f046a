import { isDeepStrictEqual } from "node:util";
import {
  type CalicoNodeStatus,
  type Kind,
  type Node,
  type ResourceOf,
  type WorkloadEndpoint,
  isKind,
} from "../resources/index.ts";
import { isGivenTo, judgeAffinity, judgeBlock, judgeHandle } from "./authorize-ipam.ts";
import { type Decision, allowed, authorizeRequest, refused } from "./authorize-request.ts";
import type { Change, Facts } from "./change.ts";
import type { Identity } from "./identity.ts";

/** Whether this very write is allowed. Says no to whatever `authorizeRequest` says no to. */
export function authorizeChange(identity: Identity, change: Change, facts: Facts): Decision {
  const resource = change.next ?? change.old;
  if (resource === undefined) return refused("nothing is written");
  const verb = change.old === undefined ? "create" : change.next === undefined ? "delete" : "update";
  const request = authorizeRequest(identity, verb, resource.kind);
  if (!request.isAllowed || identity.role === "admin") return request;
  const node = identity.name;
  if (isKind(resource, "BlockAffinity")) return judgeAffinity(node, sidesOf(change, "BlockAffinity"), facts);
  if (isKind(resource, "IPAMBlock")) return judgeBlock(node, sidesOf(change, "IPAMBlock"), facts);
  if (isKind(resource, "IPAMHandle")) return judgeHandle(node, sidesOf(change, "IPAMHandle"), facts);
  if (isKind(resource, "WorkloadEndpoint")) return judgeEndpoint(node, sidesOf(change, "WorkloadEndpoint"), facts);
  if (isKind(resource, "Node")) return judgeNode(node, sidesOf(change, "Node"));
  if (isKind(resource, "CalicoNodeStatus")) return judgeReport(node, sidesOf(change, "CalicoNodeStatus"));
  return refused(`nobody with this role writes a ${resource.kind}`);
}

function sidesOf<K extends Kind>({ old, next }: Change, kind: K): Change<ResourceOf<K>> {
  return {
    old: old !== undefined && isKind(old, kind) ? old : undefined,
    next: next !== undefined && isKind(next, kind) ? next : undefined,
  };
}

/** Labels and addresses together say what others let in: an endpoint has no address but those the host was given. */
function judgeEndpoint(node: string, change: Change<WorkloadEndpoint>, facts: Facts): Decision {
  const owner = [change.old, change.next].find((side) => side !== undefined && side.spec.node !== node)?.spec.node;
  if (owner !== undefined) return refused(`the endpoint is of node "${owner}"`);
  const had = change.old?.spec.ipNetworks ?? [];
  const taken = change.next?.spec.ipNetworks?.find((one) => !had.includes(one) && !isGivenTo(node, one, facts));
  return taken === undefined ? allowed : refused(`${taken} was not given to this node`);
}

/** Labels say which pools, peers and policies a host has, the cluster id who reflects routes: both are for operators to give. */
function judgeNode(node: string, { old, next }: Change<Node>): Decision {
  if (next === undefined || next.metadata.name !== node) return refused("a node writes only its own Node");
  if (!isDeepStrictEqual(old?.metadata.labels ?? {}, next.metadata.labels ?? {}))
    return refused("the labels of a Node are given by operators");
  const before = old?.spec.bgp;
  const after = next.spec.bgp;
  if (before?.routeReflectorClusterID !== after?.routeReflectorClusterID)
    return refused("a route reflector is made by operators");
  if (old !== undefined && before?.asNumber !== after?.asNumber)
    return refused("the AS number of a Node that exists is changed by operators");
  return allowed;
}

/** Asked for by operators, answered by the node. */
function judgeReport(node: string, { old, next }: Change<CalicoNodeStatus>): Decision {
  if (old?.spec.node !== node) return refused("a node reports only on itself");
  const isSame =
    isDeepStrictEqual(old.spec, next?.spec) && isDeepStrictEqual(old.metadata.labels, next?.metadata.labels);
  return isSame ? allowed : refused("a node writes only the status");
}
