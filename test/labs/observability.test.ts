import assert from "node:assert/strict";
import { test } from "node:test";
import { TestLab, eventually } from "./lab-harness.ts";
import { signalTo } from "./lab-probes.ts";

const segment = `
fabric: { type: segment }
hosts:
  - name: a
    workloads: [{ name: w-a }]
  - name: b
`;

const settings = `
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: { name: default }
spec: { prometheusMetricsEnabled: true, healthEnabled: true }
`;

test("metrics and health are told where FelixConfiguration asks for them, and readiness ends with the server", {
  timeout: 90_000,
}, async () => {
  await using lab = await TestLab.start("observe", segment);
  const get = async (host: string, port: number, path: string): Promise<[number, string]> => {
    const script = `fetch("http://localhost:${port}${path}").then(async (r) => console.log(JSON.stringify([r.status, await r.text()])), () => console.log('[0,""]'))`;
    return JSON.parse(await lab.run(host, process.execPath, "-e", script)) as [number, string];
  };
  assert.deepEqual(await get("a", 9091, "/metrics"), [0, ""]);
  await lab.applyResources("a", settings);
  await eventually("both listen", async () => {
    const answers = await Promise.all([get("a", 9091, "/metrics"), get("b", 9099, "/readiness")]);
    return answers.every(([status]) => status === 200);
  });
  const [, metrics] = await get("a", 9091, "/metrics");
  for (const line of [
    /^felix_active_local_endpoints 1$/m,
    /^felix_cluster_num_hosts 2$/m,
    /^tortie_endpoints\{state="up"\} 1$/m,
    /^tortie_bgp_peer_up\{.*\} 1$/m,
    /^felix_int_dataplane_apply_time_seconds_count [1-9]/m,
    /^process_resident_memory_bytes [1-9]/m,
  ])
    assert.match(metrics, line);
  assert.deepEqual(await get("a", 9099, "/liveness"), [200, "ok\n"]);
  await signalTo(lab, "server", "STOP");
  await signalTo(lab, "server", "KILL");
  // The lab starts it again: in between the agents say that they are on their own.
  await eventually("it was not ready for a while", async () => (await get("a", 9099, "/readiness"))[0] === 503);
  await eventually("it is ready again", async () => (await get("a", 9099, "/readiness"))[0] === 200, 30_000);
  await lab.run("a", "tortie", "delete", "felixconfiguration", "default");
  await eventually("nothing listens", async () => (await get("a", 9091, "/metrics"))[0] === 0);
});
