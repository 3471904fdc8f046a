import type { ApiClient } from "../client/index.ts";
import { assignForHandle, releaseByHandle } from "../ipam/index.ts";
import type { RouteSocket } from "../kernel/index.ts";
import {
  type Cidr,
  type IpVersion,
  type Logger,
  TortieError,
  addressToCidr,
  cidrVersion,
  formatProblem,
} from "../lib/index.ts";
import {
  type WorkloadEndpoint,
  defaultProfileName,
  workloadEndpointName,
  workloadInterfaceName,
} from "../resources/index.ts";
import type { AttachRequest, AttachResponse, DetachRequest } from "./attach-request.ts";
import { runIpam } from "./ipam-runner.ts";
import { KeyedLock } from "./keyed-lock.ts";
import { type WorkloadLink, configureInside, ensureLink, removeLink, workloadMac } from "./workload-link.ts";

/** What this host's workloads are orchestrated by, in the resource's own terms. */
const orchestrator = "tortie";
/** How long an attach waits until the endpoint's rules are in the kernel. */
const readyTimeoutMs = 30_000;

type WorkloadsOptions = {
  readonly node: string;
  readonly client: ApiClient;
  readonly host: RouteSocket;
  readonly log: Logger;
  /** Ends when the kernel has confirmed the endpoint's rules and its interface is up. */
  untilReady(key: { readonly namespace: string; readonly name: string }, signal: AbortSignal): Promise<void>;
};

/**
 * Attaching and detaching: addresses, interfaces and the WorkloadEndpoint, in an order that leaves the door
 * closed at every step. Both are idempotent: a repeat finishes what a crash left, and changes nothing otherwise.
 */
export class Workloads {
  readonly #options: WorkloadsOptions;
  readonly #lock = new KeyedLock();
  /** Address assignment of one host is one at a time, so that its own requests do not race for a block. */
  readonly #ipamLock = new KeyedLock();

  constructor(options: WorkloadsOptions) {
    this.#options = options;
  }

  attach(request: AttachRequest, signal: AbortSignal): Promise<AttachResponse> {
    return this.#lock.run(`${request.namespace}/${request.name}`, () => this.#attach(request, signal));
  }

  detach(request: DetachRequest, signal: AbortSignal): Promise<void> {
    return this.#lock.run(`${request.namespace}/${request.name}`, () => this.#detach(request, signal));
  }

  async #attach(request: AttachRequest, signal: AbortSignal): Promise<AttachResponse> {
    const { node, client, log } = this.#options;
    const endpointName = workloadEndpointName(node, orchestrator, request.name, request.interface);
    const existing = await client.get("WorkloadEndpoint", { namespace: request.namespace, name: endpointName });
    try {
      return await this.#build(request, endpointName, existing, signal);
    } catch (error) {
      // What was there before stays; a first attach that failed leaves nothing.
      if (existing === undefined) {
        await this.#detach(request, signal).catch((cleanup: unknown) => {
          log.warn("a failed attach was not undone; detach the workload", {
            name: request.name,
            error: String(cleanup),
          });
        });
      }
      throw error;
    }
  }

  async #build(
    request: AttachRequest,
    endpointName: string,
    existing: WorkloadEndpoint | undefined,
    signal: AbortSignal,
  ): Promise<AttachResponse> {
    const { client, host, log } = this.#options;
    const link: WorkloadLink = {
      netns: request.netns,
      interface: request.interface,
      hostInterface: workloadInterfaceName(request.namespace, request.name),
      namespace: request.namespace,
      name: request.name,
      mac: workloadMac(request.namespace, request.name),
    };
    const addresses = await this.#assign(request, endpointName, signal);
    await ensureLink(host, link);
    const endpoint = this.#describe(request, endpointName, link, addresses, existing);
    if (existing === undefined) await client.create(endpoint);
    else await client.update(endpoint);
    await configureInside(link, addresses);
    await this.#options.untilReady(
      { namespace: request.namespace, name: endpointName },
      AbortSignal.any([signal, AbortSignal.timeout(readyTimeoutMs)]),
    );
    log.info("workload attached", { namespace: request.namespace, name: request.name, addresses });
    return {
      endpoint: endpointName,
      namespace: request.namespace,
      interface: request.interface,
      hostInterface: link.hostInterface,
      mac: link.mac,
      addresses,
    };
  }

  /** One address of each version for which there are pools; those that the workload holds already first. */
  async #assign(request: AttachRequest, endpointName: string, signal: AbortSignal): Promise<Cidr[]> {
    const { node, client } = this.#options;
    const { items: pools } = await client.list("IPPool", {});
    const hasPool = (version: IpVersion) =>
      pools.some(({ spec }) => spec.disabled !== true && cidrVersion(spec.cidr) === version);
    return await this.#ipamLock.run("assign", async () => {
      const result = await runIpam(
        assignForHandle({
          node,
          handleId: handleOf(request),
          attributes: { node, namespace: request.namespace, workload: request.name, endpoint: endpointName },
          use: "Workload",
          namespace: request.namespace,
          num4: Number(hasPool(4)),
          num6: Number(hasPool(6) || !hasPool(4)),
          nowMs: Date.now(),
        }),
        client,
        { signal },
      );
      if (result.ok) return result.value.map(addressToCidr);
      throw new TortieError(
        "TT_IPAM_EXHAUSTED",
        `no address for ${request.namespace}/${request.name}: ${result.problems.map(formatProblem).join("; ")}`,
        {
          hint: pools.length === 0 ? "apply an IPPool, such as examples/pools.yaml" : "",
        },
      );
    });
  }

  #describe(
    request: AttachRequest,
    name: string,
    link: WorkloadLink,
    addresses: readonly Cidr[],
    existing: WorkloadEndpoint | undefined,
  ): WorkloadEndpoint {
    return {
      apiVersion: "projectcalico.org/v3",
      kind: "WorkloadEndpoint",
      metadata: {
        ...existing?.metadata,
        name,
        namespace: request.namespace,
        labels: request.labels,
      },
      spec: {
        orchestrator,
        node: this.#options.node,
        workload: request.name,
        endpoint: request.interface,
        interfaceName: link.hostInterface,
        mac: link.mac,
        ipNetworks: addresses,
        profiles: request.profiles ?? [defaultProfileName(request.namespace)],
      },
    };
  }

  /** Policy and routes go with the endpoint, then the interface, then the addresses: none is reused while it is routed. */
  async #detach(request: DetachRequest, signal: AbortSignal): Promise<void> {
    const { client, host, log } = this.#options;
    for (const endpoint of await this.#endpointsOf(request)) {
      await client
        .delete("WorkloadEndpoint", { namespace: request.namespace, name: endpoint.metadata.name })
        .catch(ignoreNotFound);
    }
    await removeLink(host, workloadInterfaceName(request.namespace, request.name));
    await this.#ipamLock.run("assign", async () => {
      await runIpam(releaseByHandle(handleOf(request)), client, { signal });
    });
    log.info("workload detached", { namespace: request.namespace, name: request.name });
  }

  /** Whatever the interface inside was called. */
  async #endpointsOf(request: DetachRequest): Promise<WorkloadEndpoint[]> {
    const { items } = await this.#options.client.list("WorkloadEndpoint", { namespace: request.namespace });
    return items.filter(
      ({ spec }) =>
        spec.node === this.#options.node && spec.orchestrator === orchestrator && spec.workload === request.name,
    );
  }
}

function handleOf(request: DetachRequest): string {
  return `${orchestrator}.${request.namespace}.${request.name}`;
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof TortieError) || error.code !== "TT_API_NOT_FOUND") throw error;
}
