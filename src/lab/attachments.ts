import { TortieError } from "../lib/index.ts";
import { askSocket } from "./ask-socket.ts";
import type { WorkloadPart } from "./lab-part.ts";
import { isObject } from "./object-reader.ts";
import { agentSocket, netnsPath } from "./places.ts";

/** Asks the agents to attach and detach workloads, and remembers the addresses that they were given. */
export class Attachments {
  readonly addressesByWorkload = new Map<string, readonly string[]>();

  async attach({ name, host, namespace, labels, profiles }: WorkloadPart): Promise<void> {
    const request = { netns: netnsPath(name), name, namespace, labels, interface: "eth0" };
    const body = profiles === undefined ? request : { ...request, profiles };
    const answer = await askAgent(host, "/v1/attach", body, `workload ${name} could not be attached`);
    const addresses = isObject(answer) && Array.isArray(answer["addresses"]) ? answer["addresses"] : [];
    this.addressesByWorkload.set(
      name,
      addresses.map((address) => String(address).replace(/\/.*/, "")),
    );
  }

  async detach({ name, host, namespace }: WorkloadPart): Promise<void> {
    await askAgent(host, "/v1/detach", { name, namespace }, `workload ${name} could not be detached`);
    this.addressesByWorkload.delete(name);
  }
}

async function askAgent(host: string, path: string, body: unknown, trouble: string): Promise<unknown> {
  try {
    return await askSocket(agentSocket(host), "POST", path, body);
  } catch (error) {
    const isRefusal = error instanceof TortieError;
    const why = isRefusal ? error.message : `the agent of host ${host} does not answer`;
    const hint = isRefusal && error.hint !== "" ? error.hint : `see its log: tortie lab logs ${host}`;
    throw new TortieError("TT_LAB", `${trouble}: ${why}`, { cause: error, hint });
  }
}
