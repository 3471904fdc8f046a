import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { defaultSettings } from "../calc/index.ts";
import { Histogram, formatMetrics } from "../lib/index.ts";
import { type HostFigures, agentMetrics } from "./agent-metrics.ts";
import { Observability } from "./observability.ts";
import type { AgentStatus } from "./status.ts";

const status: AgentStatus = {
  node: "a",
  uptimeMs: 1500,
  source: "server",
  bgp: { localAs: 64512, routerId: "192.0.2.1", peers: [] },
  endpoints: [
    {
      id: "WorkloadEndpoint/shop/web",
      interfaceName: "tt1",
      state: "up",
      lostAddresses: [],
      isReady: true,
      revision: "7",
    },
    { id: "WorkloadEndpoint/shop/new", interfaceName: "tt2", state: "closed", lostAddresses: [], isReady: false },
  ],
  failures: ["one"],
};

const figures: HostFigures = {
  rounds: 7,
  failedRounds: 1,
  roundSeconds: new Histogram([0.01]),
  audits: 2,
  eventLosses: 0,
  messages: 30,
  ruleChanges: 40,
  routeChanges: 50,
  flowsCut: 3,
  policies: 4,
  profiles: 5,
  sets: 6,
  routes: 8,
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return address !== null && typeof address === "object" ? address.port : assert.fail();
}

test("what the agent counts is told under the names of Felix where they mean the same", () => {
  const counts = new Map([
    ["Node", 1],
    ["NetworkPolicy", 1],
    ["GlobalNetworkPolicy", 1],
    ["Tier", 1],
  ]);
  const text = formatMetrics(agentMetrics(status, figures, counts));
  for (const line of [
    "felix_active_local_endpoints 2",
    "felix_active_local_policies 4",
    "felix_cluster_num_hosts 1",
    "felix_cluster_num_policies 2",
    "felix_cluster_num_tiers 1",
    "felix_int_dataplane_failures 1",
    "felix_resyncs_started 2",
    "tortie_flows_cut_total 3",
    "tortie_failures 1",
    'tortie_endpoints{state="closed"} 1',
    'tortie_view_source{source="server"} 1',
    'tortie_view_source{source="none"} 0',
    "tortie_uptime_seconds 1.5",
  ])
    assert.ok(text.includes(`\n${line}\n`), line);
});

test("metrics and probes are served where the settings say, and move with them", async () => {
  let isReady = true;
  await using observability = new Observability(
    () => [{ name: "t", help: "T.", type: "gauge", samples: [{ value: 1 }] }],
    () => ({ isReady, isLive: true, reasons: ["because"] }),
  );
  const ports = [await freePort(), await freePort()] as const;
  const get = async (port: number, path: string) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    return [answer.status, await answer.text()];
  };
  const place = (port: number) => ({ host: "127.0.0.1", port });
  await observability.configure(defaultSettings);
  await assert.rejects(get(ports[0], "/metrics"));
  await observability.configure({ metricsAt: place(ports[0]), healthAt: place(ports[1]) });
  assert.deepEqual(await get(ports[0], "/metrics"), [200, "# HELP t T.\n# TYPE t gauge\nt 1\n"]);
  assert.deepEqual(await get(ports[1], "/readiness"), [200, "ok\n"]);
  isReady = false;
  assert.deepEqual(await get(ports[1], "/readiness"), [503, "because\n"]);
  assert.deepEqual(await get(ports[1], "/liveness"), [200, "ok\n"]);
  assert.equal((await get(ports[1], "/metrics"))[0], 404);
  await observability.configure({ metricsAt: place(ports[1]) });
  assert.equal((await get(ports[1], "/metrics"))[0], 200);
  await assert.rejects(get(ports[0], "/metrics"));
});
