import type { ApiClient } from "../client/index.ts";
import { type IpAddress, type Logger, TortieError } from "../lib/index.ts";
import type { Node, NodeBgp } from "../resources/index.ts";

export type NodeIdentity = {
  readonly node: string;
  readonly address: IpAddress | undefined;
  readonly address6: IpAddress | undefined;
  /** Used only when the Node is made. */
  readonly asNumber: number | undefined;
};

/** How often two writers may meet before we give up. */
const maxAttempts = 10;

/**
 * Makes this host's Node, or brings its addresses up to date; what operators set on it is left alone. TT_CONFIG when the
 * server takes no such Node; whatever else fails may pass.
 */
export async function registerNode(client: ApiClient, identity: NodeIdentity, log: Logger): Promise<void> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const existing = await client.get("Node", { name: identity.node });
    const wanted = existing === undefined ? makeNode(identity) : updateNode(existing, identity);
    if (wanted === undefined) return;
    try {
      if (existing === undefined) await client.create(wanted);
      else await client.update(wanted);
      log.info(existing === undefined ? "node registered" : "node updated", { node: identity.node });
      return;
    } catch (error) {
      if (!(error instanceof TortieError)) throw error;
      if (error.code === "TT_API_INVALID") {
        throw new TortieError("TT_CONFIG", error.message, { cause: error, hint: "mend --node or the addresses" });
      }
      if (!["TT_API_CONFLICT", "TT_API_EXISTS", "TT_API_NOT_FOUND"].includes(error.code)) throw error;
    }
  }
  throw new TortieError("TT_API_CONFLICT", `Node ${identity.node} is changed by somebody else all the time`, {
    hint: "look for a second agent with the same --node",
  });
}

function makeNode(identity: NodeIdentity): Node {
  const bgp = bgpOf(identity, identity.asNumber === undefined ? {} : { asNumber: identity.asNumber });
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "Node",
    metadata: { name: identity.node },
    spec: Object.keys(bgp).length === 0 ? {} : { bgp },
  };
}

/** Undefined when nothing differs. */
function updateNode(node: Node, identity: NodeIdentity): Node | undefined {
  const before = node.spec.bgp ?? {};
  const bgp = bgpOf(identity, before);
  const isSame = bgp.ipv4Address === before.ipv4Address && bgp.ipv6Address === before.ipv6Address;
  return isSame ? undefined : { ...node, spec: { ...node.spec, bgp } };
}

function bgpOf({ address, address6 }: NodeIdentity, before: NodeBgp): NodeBgp {
  return {
    ...before,
    ...(address === undefined ? {} : { ipv4Address: `${address}/32` }),
    ...(address6 === undefined ? {} : { ipv6Address: `${address6}/128` }),
  };
}
