import { type Cidr, cidrVersion, parseCidr } from "../../lib/index.ts";
import type { IPPool, IPPoolSpec, Labels, Node } from "../../resources/index.ts";
import type { AssignInput } from "../auto-assign.ts";
import { SimulatedApi } from "./simulated-api.ts";

export const startMs = 1_700_000_000_000;

export function cidr(text: string): Cidr {
  return parseCidr(text)!;
}

export function pool(name: string, text: string, spec: Partial<IPPoolSpec> = {}): IPPool {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "IPPool",
    metadata: { name },
    spec: {
      cidr: cidr(text),
      blockSize: cidrVersion(cidr(text)) === 4 ? 26 : 122,
      ipipMode: "Never",
      vxlanMode: "Never",
      nodeSelector: "all()",
      allowedUses: ["Workload", "Tunnel"],
      assignmentMode: "Automatic",
      ...spec,
    },
  };
}

export function node(name: string, labels: Labels = {}): Node {
  return { apiVersion: "projectcalico.org/v3", kind: "Node", metadata: { name, labels }, spec: {} };
}

export function makeApi(pools: readonly IPPool[], nodes: readonly string[]): SimulatedApi {
  const api = new SimulatedApi();
  for (const one of pools) api.put(one);
  for (const name of nodes) api.put(node(name));
  return api;
}

export function ask(nodeName: string, handleId: string, rest: Partial<AssignInput> = {}): AssignInput {
  return {
    node: nodeName,
    handleId,
    attributes: { node: nodeName },
    use: "Workload",
    num4: 1,
    num6: 0,
    nowMs: startMs,
    ...rest,
  };
}
