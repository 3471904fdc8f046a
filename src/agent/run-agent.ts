import { setTimeout as sleep } from "node:timers/promises";
import { type ApiClient, connect } from "../client/index.ts";
import { routeProtocols } from "../dataplane/index.ts";
import { type RouteSocket, openFlowSocket, openNftSocket, openRouteSocket } from "../kernel/index.ts";
import { type Logger, type Random, TaskGroup, TortieError, backoffMs } from "../lib/index.ts";
import { openLineFile, serveSocket } from "../sys/index.ts";
import { AgentRouting } from "./agent-routing.ts";
import { answerRequests } from "./answer-requests.ts";
import { ClusterView } from "./cluster-view.ts";
import { HostLoop } from "./host-loop.ts";
import { NextHopCosts } from "./next-hop-costs.ts";
import { NodeCredentials } from "./node-credentials.ts";
import { observeAgent } from "./observability.ts";
import { type NodeIdentity, registerNode } from "./register-node.ts";
import { feedResources } from "./resource-feed.ts";
import { Snapshot } from "./snapshot.ts";
import type { AgentStatus } from "./status.ts";
import { watchKernel } from "./watch-kernel.ts";
import { Workloads } from "./workloads.ts";

export type RunAgentOptions = NodeIdentity & {
  /** The server's unix socket on this host, or `https://HOST:PORT`. */
  readonly server: string;
  /** What the host joins with, by TLS, when it has no certificate yet. */
  readonly token?: string | undefined;
  /** Where the agent's own socket is made: agent.sock. */
  readonly runDir: string;
  /** Where the snapshot is kept: snapshot.jsonl. */
  readonly stateDir: string;
  /** Established connections of workloads end when the rules come to forbid them. */
  readonly cutsFlows?: boolean | undefined;
  /** A file that all that happens to the BGP speaker is written to, for `tortie replay`. */
  readonly recordPath?: string | undefined;
  readonly log: Logger;
  readonly random: Random;
  readonly signal: AbortSignal;
};

/**
 * Runs a host until the signal aborts; rejects when the host can no longer be programmed. Nothing of the kernel's
 * state is undone at the end: the host goes on forwarding, and the next agent adopts what is there.
 *
 *     server ──> feedResources ──> HostLoop ──> kernel          agent.sock ──> Workloads ──> IPAM, interfaces, endpoint
 *                 (snapshot)        ^    │
 *     kernel's events ──────────────┘    └──> AgentRouting ──> other speakers
 */
export async function runAgent(options: RunAgentOptions): Promise<void> {
  const { node, log, random } = options;
  const startedAt = performance.now();
  using socket = openRouteSocket();
  using nft = openNftSocket();
  using flows = openFlowSocket();
  await using tasks = new TaskGroup(options.signal);
  const { signal } = tasks;
  const { ready, ...server } = await openServer(options, tasks);
  using client = server.client;
  using recording = options.recordPath === undefined ? undefined : openLineFile(options.recordPath, log);
  const nextHops = new NextHopCosts((nextHop) => loop.nextHopCost(nextHop));
  await using routing = new AgentRouting({
    isRestart: await hasBgpRoutes(socket),
    log,
    random,
    signal,
    nextHops,
    ...(recording === undefined ? {} : { record: recording.write }),
    onRoutes: (updates) => loop.onBgpRoutes(updates),
    onRestartEnd: (family) => loop.onRestartEnd(family),
  });
  const loop = new HostLoop({
    node,
    socket,
    nft,
    flows,
    cutsFlows: options.cutsFlows,
    log,
    random,
    onRoutesRead: (areWaysNew) => areWaysNew && nextHops.refresh(),
    onProgrammed: async (wanted, bgp, settings) => {
      if (bgp !== undefined) await routing.configure(bgp);
      routing.originate(wanted.adverts);
      await observability.configure(settings);
    },
  });
  const workloads = new Workloads({
    node,
    client,
    host: socket,
    log,
    untilReady: (endpoint, until) => loop.untilReady(endpoint, until),
  });
  const view = new ClusterView(loop, log);
  const describe = () => describeAgent(node, startedAt, view.source, routing, loop);
  await using observability = observeAgent(describe, loop, view);
  // Before anything is touched: where another agent answers this one has nothing to do.
  await using _control = await serveSocket(
    `${options.runDir}/agent.sock`,
    answerRequests({ workloads, ready, describe, routing, signal }),
    log,
  );
  watchKernel(tasks, { loop, routePort: socket.portId, nftPort: nft.portId, random });
  tasks.start((until) => loop.run(until));
  tasks.start((until) => ready.then(() => keepRegistering(client, options, until)));
  const snapshot = new Snapshot(`${options.stateDir}/snapshot.jsonl`, log);
  tasks.start((until) => ready.then(() => feedResources({ node, client, snapshot, log, random, signal: until }, view)));
  log.info("agent started", { node });
  await tasks.wait();
}

/**
 * The way to the server. `ready`: there is something to show to it, or the first try to get that has failed; nothing should be
 * asked before. Whoever may open the socket of a server on the same host is its admin, and shows nothing.
 */
async function openServer(
  { server, token, ...options }: RunAgentOptions,
  tasks: TaskGroup,
): Promise<{ readonly client: ApiClient; readonly ready: Promise<void> }> {
  if (!server.startsWith("https://")) return { client: connect({ socketPath: server }), ready: Promise.resolve() };
  const credentials = await NodeCredentials.open({ ...options, server, token });
  tasks.start((until) => credentials.keep(until));
  return { client: connect(credentials), ready: credentials.tried };
}

function describeAgent(
  node: string,
  startedAt: number,
  source: AgentStatus["source"],
  routing: AgentRouting,
  loop: HostLoop,
): AgentStatus {
  const { localAs, routerId } = routing.config ?? {};
  return {
    node,
    uptimeMs: Math.round(performance.now() - startedAt),
    source,
    bgp: { localAs, routerId, peers: routing.peers() },
    endpoints: loop.endpoints(),
    failures: loop.failures(),
  };
}

/** Whether an agent before us left BGP routes in the kernel, which then must outlive our start. */
async function hasBgpRoutes(socket: RouteSocket): Promise<boolean> {
  return (await socket.dumpRoutes()).some((route) => route.protocol === routeProtocols.bgp);
}

/** Until it is done once: the server may be away for long, and the host works without. */
async function keepRegistering(client: ApiClient, options: RunAgentOptions, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      await registerNode(client, options, options.log);
      return;
    } catch (error) {
      if (!(error instanceof TortieError) || error.code === "TT_CONFIG") throw error;
      if (attempt === 0)
        options.log.warn("the node is not registered yet, will be tried again", { reason: error.message });
      await sleep(backoffMs(attempt, 200, 10_000, options.random), undefined, { signal }).catch(() => undefined);
    }
  }
}
