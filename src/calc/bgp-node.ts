import { createHash } from "node:crypto";
import { type IpAddress, type IpVersion, addressFromBytes } from "../lib/index.ts";
import {
  type BGPConfiguration,
  type Node,
  type PasswordRef,
  bgpDefaults,
  readInterfaceAddress,
} from "../resources/index.ts";

/** A node as a BGP speaker. */
export type BgpNode = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: Readonly<Record<IpVersion, IpAddress | undefined>>;
  readonly asNumber: number;
  readonly listenPort: number;
  /** Somebody wrote the port down: it is not just the default. */
  readonly hasWrittenPort: boolean;
  readonly clusterId: IpAddress | undefined;
};

/** Settings of the cluster that sessions depend on; absent objects count as their defaults. */
export type BgpSettings = {
  readonly asNumber: number;
  readonly isMeshEnabled: boolean;
  readonly meshPassword: PasswordRef | undefined;
  readonly meshMaxRestartTime: string | undefined;
};

export function bgpSettings(configurations: ReadonlyMap<string, BGPConfiguration>): BgpSettings {
  const spec = configurations.get("default")?.spec;
  return {
    asNumber: spec?.asNumber ?? bgpDefaults.asNumber,
    isMeshEnabled: spec?.nodeToNodeMeshEnabled ?? bgpDefaults.nodeToNodeMeshEnabled,
    meshPassword: spec?.nodeMeshPassword,
    meshMaxRestartTime: spec?.nodeMeshMaxRestartTime,
  };
}

export function bgpNode({ metadata, spec }: Node, configurations: ReadonlyMap<string, BGPConfiguration>): BgpNode {
  const writtenPort =
    configurations.get(`node.${metadata.name}`)?.spec.listenPort ?? configurations.get("default")?.spec.listenPort;
  return {
    name: metadata.name,
    labels: metadata.labels ?? {},
    address: { 4: addressOf(spec.bgp?.ipv4Address), 6: addressOf(spec.bgp?.ipv6Address) },
    asNumber: spec.bgp?.asNumber ?? bgpSettings(configurations).asNumber,
    listenPort: writtenPort ?? bgpDefaults.listenPort,
    hasWrittenPort: writtenPort !== undefined,
    clusterId: spec.bgp?.routeReflectorClusterID,
  };
}

/** The IPv4 address; of a node without one, four octets made from its name that could be one. */
export function routerIdOf(name: string, address: IpAddress | undefined): IpAddress {
  if (address !== undefined) return address;
  const octets = createHash("sha256").update(name).digest().subarray(0, 4);
  const [first = 0] = octets;
  // Multicast and reserved addresses start at 224.
  if (first > 223) octets[0] = first - 32;
  return addressFromBytes(Uint8Array.from(octets));
}

function addressOf(text: string | undefined): IpAddress | undefined {
  return text === undefined ? undefined : readInterfaceAddress(text)?.address;
}
