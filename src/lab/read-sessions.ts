import { askAgent } from "../client/index.ts";
import { isObject } from "./object-reader.ts";
import { agentSocket } from "./places.ts";

/** Whether each BGP session of a host is established; undefined when its agent does not answer. */
export async function readSessions(host: string): Promise<readonly boolean[] | undefined> {
  const status = await askAgent(agentSocket(host), "GET", "/v1/status").catch(() => undefined);
  if (!isObject(status)) return undefined;
  const bgp = isObject(status["bgp"]) ? status["bgp"] : status;
  const peers = Array.isArray(bgp["peers"]) ? bgp["peers"] : [];
  return peers.map((peer) => isObject(peer) && peer["state"] === "established");
}
