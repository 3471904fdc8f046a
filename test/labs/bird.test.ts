import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { TestLab, eventually } from "./lab-harness.ts";

const hasBird = ["/usr/sbin/bird", "/usr/bin/bird"].some((path) => existsSync(path));

const segment = `
fabric: { type: segment }
hosts:
  - name: a
    workloads: [{ name: w }]
`;

/** BIRD runs the host `z`: its address compares greater than a's, so that a waits for it or not as the rule says. */
const node = `
apiVersion: projectcalico.org/v3
kind: Node
metadata: { name: z }
spec: { bgp: { ipv4Address: 172.30.9.9/16, ipv6Address: "fd00:30::99/64" } }
`;

const birdConfig = (a4: string, a6: string) => `
router id 172.30.9.9;
protocol device {}
protocol direct { disabled; }
protocol kernel k4 { ipv4 { import none; export where source = RTS_BGP; }; }
protocol kernel k6 { ipv6 { import none; export where source = RTS_BGP; }; }
protocol static s4 { ipv4; route 10.77.0.0/26 blackhole; }
protocol static s6 { ipv6; route fd00:77::/122 blackhole; }
protocol bgp p4 {
  local 172.30.9.9 as 64512; neighbor ${a4} as 64512; direct; graceful restart on; connect delay time 1; connect retry time 1;
  ipv4 { import all; export filter { if net = 10.77.0.0/26 then accept; reject; }; next hop self; };
}
protocol bgp p6 {
  local fd00:30::99 as 64512; neighbor ${a6} as 64512; direct; graceful restart on; connect delay time 1; connect retry time 1;
  ipv6 { import all; export filter { if net = fd00:77::/122 then accept; reject; }; next hop self; };
}
`;

/** A host without an agent: a namespace on the segment, and behind it a workload. */
const build = `
set -e
ip netns add z
ip netns add far
ip -n fabric link add zport type veth peer name eth0 netns z
ip -n fabric link set zport up
ip -n fabric link set zport master $(ip -n fabric -br link show type bridge | cut -d' ' -f1)
ip -n z link set lo up
ip -n z link set eth0 up
ip -n z addr add 172.30.9.9/16 dev eth0
ip -n z addr add fd00:30::99/64 dev eth0 nodad
ip -n z link add eth1 type veth peer name eth0 netns far
ip -n z link set eth1 up
ip -n z addr add fe80::1/64 dev eth1 nodad
ip -n z addr add 169.254.1.1/32 dev eth1
ip -n z route add 10.77.0.1/32 dev eth1
ip -n z -6 route add fd00:77::1/128 dev eth1
ip -n far link set lo up
ip -n far link set eth0 up
ip -n far addr add 10.77.0.1/32 dev eth0
ip -n far addr add fd00:77::1/128 dev eth0 nodad
ip -n far route add 169.254.1.1 dev eth0
ip -n far route add default via 169.254.1.1
ip -n far -6 route add default via fe80::1 dev eth0
ip netns exec z sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
mkdir -p /run/bird
cat > /run/bird/bird.conf
ip netns exec z bird -c /run/bird/bird.conf -s /run/bird/bird.ctl -P /run/bird/bird.pid
`;

test("a host that runs BIRD 2 takes part: routes go both ways, both IP versions, and pings pass", {
  skip: hasBird ? false : "bird is not installed",
  timeout: 120_000,
}, async () => {
  await using lab = await TestLab.start("bird", segment);
  const hosts = (await lab.status())["hosts"] as { name: string; addresses: string[] }[];
  const [a4 = "", a6 = ""] = hosts[0]?.addresses ?? [];
  await lab.applyResources("a", node);
  const setUp = lab.spawn("fabric", "sh", "-c", build);
  setUp.stdin.end(birdConfig(a4, a6));
  let complaints = "";
  setUp.stderr.on("data", (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const status = await new Promise((resolve) => setUp.on("close", resolve));
  assert.equal(status, 0, complaints);
  const show = async (place: string, ...command: string[]) => (await lab.exec(place, ...command)).stdout;
  await eventually(
    "the agent's kernel has the block of BIRD's host in both IP versions",
    async () => {
      return (
        (await show("a", "ip", "route", "show", "10.77.0.0/26")) !== "" &&
        (await show("a", "ip", "-6", "route", "show", "fd00:77::/122")) !== ""
      );
    },
    30_000,
  );
  const workload = await lab.workload("w");
  const [w4 = "", w6 = ""] = workload.addresses;
  await eventually(
    "BIRD's kernel has the agent's blocks in both IP versions",
    async () => {
      return (
        /proto bird/.test(await show("z", "ip", "route", "get", w4, "fibmatch")) &&
        /proto bird/.test(await show("z", "ip", "-6", "route", "get", w6, "fibmatch"))
      );
    },
    30_000,
  );
  for (const [from, to] of [
    ["w", "10.77.0.1"],
    ["w", "fd00:77::1"],
    ["far", w4],
    ["far", w6],
  ] as const) {
    const ping = await lab.exec(from, "ping", "-c", "3", "-i", "0.2", "-W", "2", to);
    assert.match(ping.stdout, /3 received/, `${from} to ${to}: ${ping.stdout}${ping.stderr}`);
  }
});
