import { type Problem, formatProblem } from "../lib/index.ts";
import { answerBgp } from "../speaker/index.ts";
import type { Answer } from "../sys/index.ts";
import type { AgentRouting } from "./agent-routing.ts";
import { decodeAttachRequest, decodeDetachRequest } from "./attach-request.ts";
import type { AgentRoutes, AgentStatus } from "./status.ts";
import type { Workloads } from "./workloads.ts";

type Parts = {
  readonly workloads: Workloads;
  /** The host has something to show to the server, or has tried to get it. */
  readonly ready: Promise<void>;
  describe(): AgentStatus;
  readonly routing: Pick<AgentRouting, "routes" | "view">;
  readonly signal: AbortSignal;
};

/** The agent's socket: attach and detach for orchestrators, status and routes for people. */
export function answerRequests(parts: Parts): (method: string, path: string, body: unknown) => Promise<Answer> {
  return async (method, path, body) => {
    try {
      return await answerRequest(parts, method, path, body);
    } catch (error) {
      if (parts.signal.aborted) return stopping;
      throw error;
    }
  };
}

const stopping: Answer = {
  status: 503,
  body: {
    error: { code: "TT_AGENT_UNAVAILABLE", message: "the agent is being stopped", hint: "try again when it is back" },
  },
};

async function answerRequest(
  { workloads, ready, describe, routing, signal }: Parts,
  method: string,
  path: string,
  body: unknown,
): Promise<Answer> {
  switch (`${method} ${path}`) {
    case "POST /v1/attach": {
      const request = decodeAttachRequest(body);
      if (!request.ok) return refuse(request.problems);
      await ready;
      return { status: 200, body: await workloads.attach(request.value, signal) };
    }
    case "POST /v1/detach": {
      const request = decodeDetachRequest(body);
      if (!request.ok) return refuse(request.problems);
      await ready;
      await workloads.detach(request.value, signal);
      return { status: 200, body: {} };
    }
    case "GET /v1/status":
      return { status: 200, body: statusNow(describe()) };
    case "GET /v1/routes":
      return { status: 200, body: { routes: [...routing.routes()] } satisfies AgentRoutes };
    default:
      return answerBgp(method, path, routing.view(), speakerNowMs()) ?? refuseUnknown(method, path);
  }
}

function refuseUnknown(method: string, path: string): Answer {
  const message = `there is no ${method} ${path}`;
  return { status: 404, body: { error: { code: "TT_USAGE", message, hint: "see docs/reference/cli.md" } } };
}

/** By the clock of the speaker, which no setting of the time of day moves. */
function speakerNowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Times of day become times ago, which need no common clock. */
function statusNow(status: AgentStatus): AgentStatus {
  const nowMs = speakerNowMs();
  const peers = status.bgp.peers.map((peer) => ({ ...peer, since: Math.max(0, Math.round(nowMs - peer.since)) }));
  return { ...status, bgp: { ...status.bgp, peers } };
}

function refuse(problems: readonly Problem[]): Answer {
  const message = problems.map(formatProblem).join("; ");
  return { status: 400, body: { error: { code: "TT_USAGE", message, hint: "" } } };
}
