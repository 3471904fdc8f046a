import type { IpAddress } from "../lib/index.ts";
import {
  type BGPConfiguration,
  type BGPPeer,
  type Node,
  type PasswordRef,
  type Resource,
  type Secret,
  bgpDefaults,
  isKind,
  readInterfaceAddress,
  readPeerAddress,
  secretText,
} from "../resources/index.ts";
import { evaluateSelector } from "../selector/index.ts";
import { readSelector } from "./translate-rule.ts";

/** Where the Secrets are that BGPPeers and BGPConfiguration name: they say no namespace. */
export const passwordNamespace = "default";

/** What is taken for a password of TCP's MD5 signatures (RFC 2385). */
const maxPasswordBytes = 80;

/** Without `password` there is none to be had and `problem` says why; without both none is asked for. */
export type PasswordFound = { readonly password?: string; readonly problem?: string };

/** The text itself is in no problem. */
export function findPassword(ref: PasswordRef | undefined, secretsByName: ReadonlyMap<string, Secret>): PasswordFound {
  if (ref?.secretKeyRef === undefined) return {};
  const { name, key } = ref.secretKeyRef;
  if (name === undefined) return { problem: "its password names no Secret" };
  const secret = secretsByName.get(name);
  if (secret === undefined) return { problem: `the Secret ${name} with its password is not there` };
  const password = secretText(secret, key);
  if (password === undefined) return { problem: `the Secret ${name} has no key ${key} for its password` };
  const sizeBytes = new TextEncoder().encode(password).length;
  if (sizeBytes === 0) return { problem: `its password, ${key} of the Secret ${name}, is empty` };
  if (sizeBytes > maxPasswordBytes)
    return { problem: `its password, ${key} of the Secret ${name}, has more than ${maxPasswordBytes} octets` };
  return { password };
}

/**
 * Names of the Secrets with passwords for sessions of this node: of BGPPeers that select it, or point others at it, and
 * of the mesh that it is in. With the keys that are asked for in each.
 */
export function passwordKeys(
  node: Node,
  peers: Iterable<BGPPeer>,
  defaultConfiguration: BGPConfiguration | undefined,
): Map<string, Set<string>> {
  const keys = new Map<string, Set<string>>();
  const add = (ref: PasswordRef | undefined) => {
    const { name, key } = ref?.secretKeyRef ?? {};
    if (name === undefined || key === undefined) return;
    keys.set(name, (keys.get(name) ?? new Set()).add(key));
  };
  const spec = defaultConfiguration?.spec;
  const hasMesh = spec?.nodeToNodeMeshEnabled ?? bgpDefaults.nodeToNodeMeshEnabled;
  if (hasMesh && node.spec.bgp?.routeReflectorClusterID === undefined) add(spec?.nodeMeshPassword);
  for (const peer of peers) {
    const mayHave = peer.spec.localWorkloadSelector === undefined;
    const isMeant = mayHave && peer.spec.password !== undefined;
    if (isMeant && concerns(peer, node, spec?.asNumber ?? bgpDefaults.asNumber)) add(peer.spec.password);
  }
  return keys;
}

/** Whether the BGPPeer may give this node a session: to where it points, or back from there. */
function concerns({ spec }: BGPPeer, { metadata, spec: { bgp } }: Node, clusterAs: number): boolean {
  const labels = metadata.labels ?? {};
  const isSelected = (selector: string | undefined) =>
    selector !== undefined && evaluateSelector(readSelector(selector), labels);
  if (spec.node === metadata.name || (spec.node === undefined && spec.nodeSelector === undefined)) return true;
  if (isSelected(spec.nodeSelector)) return true;
  if (spec.reversePeering === "Manual") return false;
  if (isSelected(spec.peerSelector)) return true;
  // A node says its addresses itself; its AS number is given to it.
  if ((bgp?.asNumber ?? clusterAs) !== (spec.asNumber ?? clusterAs)) return false;
  const target = spec.peerIP === undefined ? undefined : readPeerAddress(spec.peerIP);
  return target !== undefined && [bgp?.ipv4Address, bgp?.ipv6Address].some((own) => isAt(own, target.address));
}

function isAt(own: string | undefined, address: IpAddress): boolean {
  return own !== undefined && readInterfaceAddress(own)?.address === address;
}

/** Follows the resources that say where the passwords of a node's sessions are. */
export class PasswordPlaces {
  readonly #nodeName: string;
  readonly #peers = new Map<string, BGPPeer>();
  #node: Node | undefined;
  #configuration: BGPConfiguration | undefined;

  constructor(nodeName: string) {
    this.#nodeName = nodeName;
  }

  /** `key` as by resourceKey; undefined when the object is gone. Tells whether the places may be others now. */
  onResource(key: string, resource: Resource | undefined): boolean {
    const [kind, , name = ""] = key.split("/");
    if (kind === "BGPPeer") {
      if (resource === undefined || !isKind(resource, "BGPPeer")) this.#peers.delete(name);
      else this.#peers.set(name, resource);
    } else if (kind === "Node" && name === this.#nodeName) {
      this.#node = resource !== undefined && isKind(resource, "Node") ? resource : undefined;
    } else if (kind === "BGPConfiguration" && name === "default") {
      this.#configuration = resource !== undefined && isKind(resource, "BGPConfiguration") ? resource : undefined;
    } else return false;
    return true;
  }

  keysByName(): Map<string, Set<string>> {
    return this.#node === undefined ? new Map() : passwordKeys(this.#node, this.#peers.values(), this.#configuration);
  }
}

/** The Secret with nothing in it but these keys. Without annotations too: what was applied last stands there in clear. */
export function stripSecret({ metadata, data = {}, ...rest }: Secret, keys: ReadonlySet<string>): Secret {
  const { name, namespace, resourceVersion } = metadata;
  return {
    ...rest,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    data: Object.fromEntries(Object.entries(data).filter(([key]) => keys.has(key))),
  };
}
