import { createHash } from "node:crypto";

/**
 * The name a WorkloadEndpoint must have: its four parts joined by dashes, with every dash inside a part doubled.
 * The parts must be names: with a dash at an end of one they could not be told apart.
 */
export function workloadEndpointName(node: string, orchestrator: string, workload: string, endpoint: string): string {
  return [node, orchestrator, workload, endpoint].map((part) => part.replaceAll("-", "--")).join("-");
}

/** Name of the host's end of a workload's link, `tt` and 11 hex digits: 13 of the 15 characters the kernel allows. */
export function workloadInterfaceName(namespace: string, name: string): string {
  return `tt${createHash("sha256").update(`${namespace}/${name}`).digest("hex").slice(0, 11)}`;
}
