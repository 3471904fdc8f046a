import { type Cidr, assert } from "../lib/index.ts";
import { type Resource, decodeResource, keyOf } from "../resources/index.ts";
import { hostAddresses, hostAsNumber, linkAddresses, spineAsNumber } from "./address-plan.ts";
import { type Lab, spineNames } from "./lab.ts";
import type { ResourcePart } from "./lab-part.ts";
import type { NumberedHost } from "./plan-lab.ts";

/** The objects of a lab: those it needs itself, and those of its file, which take the place of the former. */
export function labResources(lab: Lab, hosts: readonly NumberedHost[]): ResourcePart[] {
  const written = new Set(lab.resources.map(keyOf));
  const own = [
    ...namespaces(lab),
    ...lab.pools.map(({ cidr, blockSize }) => v3("IPPool", poolName(cidr), { cidr, blockSize })),
    ...(lab.fabric.type === "spines" ? routedFabric(lab, hosts) : []),
    ...hosts.map((host) => hostNode(lab, host)),
  ].map(decode);
  const parts = [
    ...own.filter((resource) => !written.has(keyOf(resource))).map((resource) => ({ resource, isFromFile: false })),
    ...lab.resources.map((resource) => ({ resource, isFromFile: true })),
  ];
  // Namespaces first: the server takes nothing into one that is not there.
  return [
    ...parts.filter(({ resource }) => resource.kind === "Namespace"),
    ...parts.filter(({ resource }) => resource.kind !== "Namespace"),
  ].map((part) => ({ type: "resource", ...part }));
}

function namespaces(lab: Lab): unknown[] {
  const ofWorkloads = lab.hosts.flatMap((host) => host.workloads.map((workload) => workload.namespace));
  const ofResources = lab.resources.flatMap((resource) => resource.metadata.namespace ?? []);
  const names = new Set([...ofWorkloads, ...ofResources]);
  return [...names].map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }));
}

/** As the agent itself would make it, with the labels and the AS number that the lab file stands for. */
function hostNode(lab: Lab, { name, number, labels }: NumberedHost): unknown {
  const [v4, v6] = hostAddresses(number, false);
  const asNumber = lab.fabric.type === "segment" ? {} : { asNumber: hostAsNumber(number) };
  const bgp = { ipv4Address: `${v4.address}/32`, ipv6Address: `${v6.address}/128`, ...asNumber };
  return { apiVersion: "projectcalico.org/v3", kind: "Node", metadata: { name, labels }, spec: { bgp } };
}

/** Every host an AS of its own, eBGP over each of its links, and no mesh. */
function routedFabric(lab: Lab, hosts: readonly NumberedHost[]): unknown[] {
  const peers = hosts.flatMap(({ name, number }) =>
    spineNames(lab.fabric).flatMap((spine, at) =>
      linkAddresses(number, at + 1).spine.map(({ address }, version) =>
        v3("BGPPeer", `${name}-${spine}-v${version === 0 ? 4 : 6}`, {
          node: name,
          peerIP: address,
          asNumber: spineAsNumber,
          // A link's own address is the right source, and the kernel knows it.
          sourceAddress: "None",
        }),
      ),
    ),
  );
  return [v3("BGPConfiguration", "default", { nodeToNodeMeshEnabled: false }), ...peers];
}

/** Of the prefix, so that a pool keeps its object whatever else the list of pools becomes. */
function poolName(cidr: Cidr): string {
  return `pool-${cidr.replaceAll(/[.:/]+/g, "-")}`;
}

function v3(kind: string, name: string, spec: object): unknown {
  return { apiVersion: "projectcalico.org/v3", kind, metadata: { name }, spec };
}

function decode(json: unknown): Resource {
  const decoded = decodeResource(json);
  assert(decoded.ok, `the lab makes objects that are right: ${JSON.stringify(json)}`);
  return decoded.value;
}
