import { createHash } from "node:crypto";
import type { Direction } from "../calc/index.ts";

/** nft prints no longer name of a chain. */
const maxLength = 127;

/** Base chains, and those that they all share. */
export const chainNames = {
  raw: "raw-prerouting",
  antiSpoof: "anti-spoof",
  impostors: "impostors",
  forward: "forward",
  input: "input",
  toHost: "workload-to-host",
  output: "output",
  rawOutput: "raw-output",
  preDnat: "pre-dnat",
  nat: "nat-outgoing",
} as const;

/** Where host endpoints have a say; the order is that of the chains in the table. */
export const hostPlaces = ["raw-in", "raw-out", "pre-dnat", "in", "out", "forward-in", "forward-out"] as const;
export type HostPlace = (typeof hostPlaces)[number];

const way: Readonly<Record<Direction, string>> = { ingress: "in", egress: "out" };

/** By the kind in a resource's key. */
const policyWords: Readonly<Record<string, string>> = {
  NetworkPolicy: "policy",
  GlobalNetworkPolicy: "global",
  KubernetesNetworkPolicy: "k8s",
  KubernetesClusterNetworkPolicy: "k8s-global",
};

/** `policy-in/shop/database`, `global-out/baseline`. The id is a resource's key. */
export function policyChainName(id: string, direction: Direction): string {
  const [kind = "", namespace = "", name = ""] = id.split("/");
  const place = namespace === "" ? "" : `${namespace}/`;
  return fit(`${policyWords[kind] ?? kind}-${way[direction]}/${place}${name}`);
}

/** `profile-in/kns.shop` */
export function profileChainName(name: string, direction: Direction): string {
  return fit(`profile-${way[direction]}/${name}`);
}

/** `to/tt0123456789a`: packets for the workload; `from/...`: packets it sent. */
export function endpointChainName(interfaceName: string, direction: Direction): string {
  return `${direction === "ingress" ? "to" : "from"}/${interfaceName}`;
}

/** Of an endpoint's own chain; undefined for all other chains. */
export function interfaceOfChain(chainName: string): string | undefined {
  return /^(?:to|from)\/(.*)$/.exec(chainName)?.[1];
}

/** `shared-to/tt0123456789a`: for all endpoints with the same policies and profiles, the first of which has this interface. */
export function sharedChainName(interfaceName: string, direction: Direction): string {
  return `shared-${endpointChainName(interfaceName, direction)}`;
}

/** `host-in/host-1-eth0`; by the name of the host endpoint. */
export function hostChainName(place: HostPlace, endpointName: string): string {
  return fit(`host-${place}/${endpointName}`);
}

/** `spoof/tt0123456789a`: sources beside its own that the workload may use. */
export function spoofChainName(interfaceName: string): string {
  return `spoof/${interfaceName}`;
}

/** A name that is too long keeps its beginning; a hash tells it from others that begin so. */
export function fit(name: string, length = maxLength): string {
  if (name.length <= length) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 16);
  return `${name.slice(0, length - hash.length - 1)}-${hash}`;
}
