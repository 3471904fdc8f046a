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
  definitionOf,
  keyOf,
  workloadEndpointName,
  workloadInterfaceName,
} from "../resources/index.ts";
import type { EndpointVersion } from "./host-loop.ts";
import type { AttachRequest, AttachResponse, DetachRequest } from "./attach-request.ts";
import { runIpam } from "./ipam-runner.ts";
import { KeyedLock } from "./keyed-lock.ts";
import {
  type WorkloadLink,
  configureInside,
  ensureLink,
  inspectSite,
  openInside,
  removeLink,
  untilCarrying,
  workloadMac,
} from "./workload-link.ts";

/** What this host's workloads are orchestrated by, in the resource's own terms. */
const orchestrator = "tortie";
/** How long an attach waits until the kernel has all that the endpoint needs. */
const readyTimeoutMs = 30_000;

type WorkloadsOptions = {
  readonly node: string;
  readonly client: ApiClient;
  readonly host: RouteSocket;
  readonly log: Logger;
  /** Ends when the kernel has confirmed the endpoint's rules and its interface is up. */
  untilReady(endpoint: EndpointVersion, signal: AbortSignal): Promise<void>;
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
    const { node, client, host, log } = this.#options;
    const { namespace } = request;
    const link: WorkloadLink = {
      netns: request.netns,
      interface: request.interface,
      hostInterface: workloadInterfaceName(namespace, request.name),
      namespace,
      name: request.name,
      mac: workloadMac(namespace, request.name),
    };
    // All that can be refused is, before anything is touched.
    const decoded = definitionOf("WorkloadEndpoint").decode(describeEndpoint(node, request, link));
    if (!decoded.ok) throw new TortieError("TT_CONFIG", decoded.problems.map(formatProblem).join("; "));
    const draft = decoded.value;
    await inspectSite(host, link);
    const existing = await client.get("WorkloadEndpoint", { namespace, name: draft.metadata.name });
    if (existing === undefined && (await client.get("Namespace", { name: namespace })) === undefined) {
      throw new TortieError("TT_CONFIG", `there is no namespace ${namespace}`, {
        hint: "create it first, or name another",
      });
    }
    try {
      return await this.#build(request, link, draft, existing, signal);
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
    link: WorkloadLink,
    draft: WorkloadEndpoint,
    existing: WorkloadEndpoint | undefined,
    signal: AbortSignal,
  ): Promise<AttachResponse> {
    const { client, host, log } = this.#options;
    const { namespace, name } = draft.metadata;
    const addresses = await this.#assign(request, name, signal);
    await ensureLink(host, link);
    const endpoint = {
      ...draft,
      metadata: { ...existing?.metadata, ...draft.metadata },
      spec: { ...draft.spec, ipNetworks: addresses },
    };
    const written = existing === undefined ? await client.create(endpoint) : await client.update(endpoint);
    await openInside(link);
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(readyTimeoutMs)]);
    await this.#options.untilReady({ key: keyOf(written), resourceVersion: written.metadata.resourceVersion }, inTime);
    await untilCarrying(host, link, inTime);
    await configureInside(link, addresses, inTime);
    log.info("workload attached", { namespace, name: request.name, addresses });
    return {
      endpoint: name,
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
          handleId: handleOf(node, request),
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

  /** Policy and routes go with the endpoint, then the interface, then the addresses: none is reused while it is routed. */
  async #detach(request: DetachRequest, signal: AbortSignal): Promise<void> {
    const { node, client, host, log } = this.#options;
    for (const endpoint of await this.#endpointsOf(request)) {
      await client
        .delete("WorkloadEndpoint", { namespace: request.namespace, name: endpoint.metadata.name })
        .catch(ignoreNotFound);
    }
    await removeLink(host, workloadInterfaceName(request.namespace, request.name));
    await this.#ipamLock.run("assign", async () => {
      await runIpam(releaseByHandle(handleOf(node, request)), client, { signal });
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

/** The endpoint without addresses. */
function describeEndpoint(node: string, request: AttachRequest, link: WorkloadLink): WorkloadEndpoint {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "WorkloadEndpoint",
    metadata: {
      name: workloadEndpointName(node, orchestrator, request.name, request.interface),
      namespace: request.namespace,
      labels: request.labels,
    },
    spec: {
      orchestrator,
      node,
      workload: request.name,
      endpoint: request.interface,
      interfaceName: link.hostInterface,
      mac: link.mac,
      ipNetworks: [],
      profiles: request.profiles ?? [defaultProfileName(request.namespace)],
    },
  };
}

/**
 * Who holds the addresses. The node is part of it: what two hosts call by one name is two workloads, and neither may
 * take the other's addresses, nor give them back. Dashes as in the name of an endpoint, so that the parts stay apart.
 */
function handleOf(node: string, { namespace, name }: DetachRequest): string {
  return [orchestrator, node, namespace, name].map((part) => part.replaceAll("-", "--")).join("-");
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof TortieError) || error.code !== "TT_API_NOT_FOUND") throw error;
}
