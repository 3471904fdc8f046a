import { TortieError, isJsonObject } from "../lib/index.ts";
import { askAgent } from "../client/index.ts";
import type { WorkloadPart } from "./lab-part.ts";
import { agentSocket, netnsPath } from "./places.ts";

/** Asks the agents to attach and detach workloads, and remembers the addresses that they were given. */
export class Attachments {
  readonly addressesByWorkload = new Map<string, readonly string[]>();

  async attach({ name, host, namespace, labels, profiles }: WorkloadPart): Promise<void> {
    const request = { netns: netnsPath(name), name, namespace, labels, interface: "eth0" };
    const body = profiles === undefined ? request : { ...request, profiles };
    const answer = await askHost(host, "/v1/attach", body, `workload ${name} could not be attached`);
    const addresses = isJsonObject(answer) && Array.isArray(answer["addresses"]) ? answer["addresses"] : [];
    this.addressesByWorkload.set(
      name,
      addresses.map((address) => String(address).replace(/\/.*/, "")),
    );
  }

  async detach({ name, host, namespace }: WorkloadPart): Promise<void> {
    await askHost(host, "/v1/detach", { name, namespace }, `workload ${name} could not be detached`);
    this.addressesByWorkload.delete(name);
  }
}

async function askHost(host: string, path: string, body: unknown, trouble: string): Promise<unknown> {
  try {
    return await askAgent(agentSocket(host), "POST", path, body);
  } catch (error) {
    if (!(error instanceof TortieError)) throw error;
    const isAway = error.code === "TT_AGENT_UNAVAILABLE";
    const why = isAway ? `the agent of host ${host} does not answer` : error.message;
    const hint = isAway || error.hint === "" ? `see its log: tortie lab logs ${host}` : error.hint;
    throw new TortieError("TT_LAB", `${trouble}: ${why}`, { cause: error, hint });
  }
}
