import { type Cidr, addressToCidr } from "../lib/index.ts";
import { hostAddresses, hostsPrefixes, linkAddresses, linkMac, maxHosts, spinePrefixes } from "./address-plan.ts";
import { type Fabric, spineNames } from "./lab.ts";
import type { LinkPart, NamespacePart, ProcessPart } from "./lab-part.ts";
import { serverSocket, serverStateDir } from "./places.ts";

/** On the fabric the server is one more host, behind all that there can be. */
const serverNumber = maxHosts + 1;
const serverPort = 6443;
const name = "server";

/** Where the agents find the server. */
export function serverUrl(fabric: Fabric): string {
  const [v4] = hostAddresses(serverNumber, fabric.type === "segment");
  return `https://${v4.address}:${serverPort}`;
}

export function serverNamespace(fabric: Fabric): NamespacePart {
  const loopback = fabric.type === "segment" ? [] : serverAddresses(fabric);
  return { type: "namespace", name, role: "server", loopback };
}

/** By its own unix socket it is also there for whoever is in the lab; see lab-exec.ts. */
export function serverProcess(fabric: Fabric): ProcessPart {
  const names = serverAddresses(fabric).flatMap((address) => ["--name", address]);
  const listen = ["--listen", `[::]:${serverPort}`, "--init", ...names];
  const args = ["server", "--state", serverStateDir, "--socket", serverSocket, ...listen];
  return { type: "process", name, role: "server", namespace: name, args };
}

/** No host can ask for the server's routes before it has heard from the server: they are there from the start, by every spine. */
export function serverLinks(fabric: Fabric): LinkPart[] {
  if (fabric.type === "segment") {
    return [
      {
        type: "link",
        host: {
          namespace: name,
          interface: "eth0",
          mac: linkMac(serverNumber, 0, "host"),
          addresses: hostAddresses(serverNumber, true),
        },
        fabric: { namespace: "fabric", interface: name, mac: linkMac(serverNumber, 0, "fabric"), addresses: [] },
        isBridged: true,
        behindHost: [],
        behindFabric: { prefixes: [], metric: 0 },
      },
    ];
  }
  return spineNames(fabric).map((spineName, at): LinkPart => {
    const spine = at + 1;
    const addresses = linkAddresses(serverNumber, spine);
    const mac = (end: "host" | "fabric") => linkMac(serverNumber, spine, end);
    return {
      type: "link",
      host: { namespace: name, interface: `eth${at}`, mac: mac("host"), addresses: addresses.host },
      fabric: { namespace: spineName, interface: name, mac: mac("fabric"), addresses: addresses.spine },
      isBridged: false,
      behindHost: serverPrefixes(fabric),
      behindFabric: { prefixes: [...hostsPrefixes, ...spinePrefixes(spine)], metric: spine },
    };
  });
}

/** Of the server alone: what a host's links lead to from the start. */
export function serverPrefixes(fabric: Fabric): readonly Cidr[] {
  return serverAddresses(fabric).map(addressToCidr);
}

function serverAddresses(fabric: Fabric) {
  return hostAddresses(serverNumber, fabric.type === "segment").map(({ address }) => address);
}
