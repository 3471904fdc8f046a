import type { HostSettings } from "../calc/index.ts";
import { type Health, judgeHealth } from "../dataplane/index.ts";
import { type Metric, formatMetrics } from "../lib/index.ts";
import { agentMetrics } from "./agent-metrics.ts";
import type { ClusterView } from "./cluster-view.ts";
import type { HostLoop } from "./host-loop.ts";
import type { AgentStatus } from "./status.ts";
import { type HttpListenerOptions, listenHttp } from "../sys/index.ts";

/** Of one agent. */
export function observeAgent(describe: () => AgentStatus, loop: HostLoop, view: ClusterView): Observability {
  return new Observability(
    () => agentMetrics(describe(), loop.figures(), view.counts),
    () => {
      const { source, failures } = describe();
      const [isServerThere, busyMs, hasProgrammed] = [view.isServerThere, loop.busyMs(), loop.hasProgrammed()];
      return judgeHealth({ source, failures, isServerThere, busyMs, hasProgrammed });
    },
  );
}

type Place = { readonly host: string; readonly port: number };

/** Metrics for Prometheus and probes for supervisors, where and as long as the settings ask for them. */
export class Observability implements AsyncDisposable {
  readonly #metrics: Listener;
  readonly #health: Listener;

  constructor(metrics: () => Metric[], health: () => Health) {
    this.#metrics = new Listener((path) =>
      path === "/metrics"
        ? { status: 200, mediaType: "text/plain; version=0.0.4; charset=utf-8", text: formatMetrics(metrics()) }
        : undefined,
    );
    this.#health = new Listener((path) => {
      if (path !== "/readiness" && path !== "/liveness") return undefined;
      const { isReady, isLive, reasons } = health();
      const isWell = path === "/readiness" ? isReady : isLive;
      return { status: isWell ? 200 : 503, mediaType: "text/plain", text: `${isWell ? "ok" : reasons.join("\n")}\n` };
    });
  }

  /** TT_CONFIG when a port cannot be had; ask again. */
  async configure({ metricsAt, healthAt }: Pick<HostSettings, "metricsAt" | "healthAt">): Promise<void> {
    // One may get the place of the other.
    await this.#metrics.leaveUnless(metricsAt);
    await this.#health.leaveUnless(healthAt);
    await this.#metrics.enter(metricsAt);
    await this.#health.enter(healthAt);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.configure({});
  }
}

class Listener {
  readonly #answer: HttpListenerOptions["answer"];
  #place: Place | undefined;
  #open: AsyncDisposable | undefined;

  constructor(answer: HttpListenerOptions["answer"]) {
    this.#answer = answer;
  }

  async leaveUnless(place: Place | undefined): Promise<void> {
    if (this.#place?.host === place?.host && this.#place?.port === place?.port) return;
    this.#place = undefined;
    await this.#open?.[Symbol.asyncDispose]();
    this.#open = undefined;
  }

  async enter(place: Place | undefined): Promise<void> {
    if (place === undefined || this.#place !== undefined) return;
    this.#open = await listenHttp({ ...place, answer: this.#answer });
    this.#place = place;
  }
}
