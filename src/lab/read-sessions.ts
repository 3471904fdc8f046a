import { isJsonObject } from "../lib/index.ts";
import { askAgent } from "../client/index.ts";
import { agentSocket } from "./places.ts";

/** Whether each BGP session of a host is established; undefined when its agent does not answer. */
export async function readSessions(host: string): Promise<readonly boolean[] | undefined> {
  const status = await askAgent(agentSocket(host), "GET", "/v1/status").catch(() => undefined);
  if (!isJsonObject(status)) return undefined;
  const bgp = isJsonObject(status["bgp"]) ? status["bgp"] : status;
  const peers = Array.isArray(bgp["peers"]) ? bgp["peers"] : [];
  return peers.map((peer) => isJsonObject(peer) && peer["state"] === "established");
}
