import type { Histogram, Metric, Sample } from "../lib/index.ts";
import type { AgentStatus } from "./status.ts";

/** What the host loop counts. */
export type HostFigures = {
  /** Times that the kernel was brought to what is wanted, and those that failed in part. */
  readonly rounds: number;
  readonly failedRounds: number;
  /** Seconds that rounds took. */
  readonly roundSeconds: Histogram;
  /** Times that all of the kernel's state was read, whatever for. */
  readonly audits: number;
  /** Times that the kernel dropped events, of routing or of the packet filter. */
  readonly eventLosses: number;
  /** Messages from the calculation: differences for this host. */
  readonly messages: number;
  /** Changes that the kernel took. */
  readonly ruleChanges: number;
  readonly routeChanges: number;
  /** Tracked connections that were ended. */
  readonly flowsCut: number;
  readonly policies: number;
  readonly profiles: number;
  readonly sets: number;
  readonly routes: number;
};

/** Names of Calico's Felix where the number is the same; ours begin with `tortie_`. */
export function agentMetrics(status: AgentStatus, host: HostFigures, cluster: ReadonlyMap<string, number>): Metric[] {
  const of = (...kinds: string[]) => kinds.reduce((sum, kind) => sum + (cluster.get(kind) ?? 0), 0);
  return [
    gauge("felix_active_local_endpoints", "Workload endpoints of this host.", status.endpoints.length),
    gauge("felix_active_local_policies", "Policies that apply to an endpoint of this host.", host.policies),
    gauge("felix_cluster_num_hosts", "Nodes of the cluster.", of("Node")),
    gauge("felix_cluster_num_host_endpoints", "Host endpoints of the cluster.", of("HostEndpoint")),
    gauge("felix_cluster_num_workload_endpoints", "Workload endpoints of the cluster.", of("WorkloadEndpoint")),
    gauge(
      "felix_cluster_num_policies",
      "Policies of the cluster.",
      of("NetworkPolicy", "GlobalNetworkPolicy", "KubernetesNetworkPolicy", "KubernetesClusterNetworkPolicy"),
    ),
    gauge("felix_cluster_num_profiles", "Profiles of the cluster.", of("Profile")),
    gauge("felix_cluster_num_tiers", "Tiers of the cluster.", of("Tier")),
    {
      name: "felix_int_dataplane_apply_time_seconds",
      help: "Time that it took to bring the kernel to what is wanted.",
      type: "histogram",
      histogram: host.roundSeconds,
    },
    counter("felix_int_dataplane_failures", "Times that not all could be brought to the kernel.", host.failedRounds),
    counter("felix_int_dataplane_messages", "Differences that the calculation gave for this host.", host.messages),
    counter("felix_resyncs_started", "Times that all of the kernel's state was read.", host.audits),
    counter("tortie_event_losses_total", "Times that the kernel dropped events, and was read again.", host.eventLosses),
    counter("tortie_rounds_total", "Times that the kernel was brought to what is wanted.", host.rounds),
    counter(
      "tortie_rule_changes_total",
      "Changes of packet filter rules, sets and elements that the kernel took.",
      host.ruleChanges,
    ),
    counter(
      "tortie_route_changes_total",
      "Changes of routes, next hops, neighbours and addresses that the kernel took.",
      host.routeChanges,
    ),
    counter("tortie_flows_cut_total", "Tracked connections that were ended.", host.flowsCut),
    gauge("tortie_profiles", "Profiles that endpoints of this host have.", host.profiles),
    gauge("tortie_sets", "Sets of addresses and ports in use.", host.sets),
    gauge("tortie_routes", "Routes that this host is to have in its kernel.", host.routes),
    gauge("tortie_failures", "What is not as it should be at present, and is tried again.", status.failures.length),
    {
      name: "tortie_view_source",
      help: "Where the view of the cluster comes from.",
      type: "gauge",
      samples: (["server", "snapshot", "none"] as const).map((source) => ({
        labels: { source },
        value: Number(status.source === source),
      })),
    },
    {
      name: "tortie_endpoints",
      help: "Workload endpoints of this host by how far they have come.",
      type: "gauge",
      samples: countBy(status.endpoints.map(({ state }) => state)),
    },
    ...bgpMetrics(status),
    gauge("tortie_uptime_seconds", "Time since the agent started.", status.uptimeMs / 1000),
    gauge("process_resident_memory_bytes", "Memory of the agent.", process.memoryUsage.rss()),
    counter("process_cpu_seconds_total", "Processor time of the agent.", cpuSeconds()),
  ];
}

function bgpMetrics({ bgp: { peers } }: AgentStatus): Metric[] {
  const each = (value: (peer: (typeof peers)[number]) => number): Sample[] =>
    peers.map((peer) => ({ labels: { peer: peer.name, address: peer.address }, value: value(peer) }));
  return [
    {
      name: "tortie_bgp_peer_up",
      help: "Whether the session stands.",
      type: "gauge",
      samples: each(({ state }) => Number(state === "established")),
    },
    {
      name: "tortie_bgp_prefixes_received",
      help: "Prefixes that the peer has told.",
      type: "gauge",
      samples: each(({ prefixesReceived }) => prefixesReceived),
    },
    {
      name: "tortie_bgp_prefixes_sent",
      help: "Prefixes that the peer was told.",
      type: "gauge",
      samples: each(({ prefixesSent }) => prefixesSent),
    },
  ];
}

function gauge(name: string, help: string, value: number): Metric {
  return { name, help, type: "gauge", samples: [{ value }] };
}

function counter(name: string, help: string, value: number): Metric {
  return { name, help, type: "counter", samples: [{ value }] };
}

function countBy(states: readonly string[]): Sample[] {
  return Object.entries(Object.groupBy(states, (state) => state)).map(([state, all]) => ({
    labels: { state },
    value: all?.length ?? 0,
  }));
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
