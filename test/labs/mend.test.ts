import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { TestLab, eventually } from "./lab-harness.ts";
import { agentStatus, askAgent, netnsOf, ping, sendProbes, shell, signalTo, untilSessions } from "./lab-probes.ts";

const segment = `
fabric: { type: segment }
hosts:
  - name: a
    workloads: [{ name: w-a }]
  - name: b
    workloads: [{ name: w-b }]
`;

let lab: TestLab;
const inHost = (script: string) => shell(lab, "a", script);

before(async () => {
  lab = await TestLab.start("mend", segment);
  await inHost("ip netns add stranger; ip netns add late");
});

after(async () => {
  await lab[Symbol.asyncDispose]();
});

test("what somebody else takes from the kernel is put back", { timeout: 90_000 }, async () => {
  const { addresses } = await lab.workload("w-a");
  const [v4 = "", v6 = ""] = addresses;
  const device = /dev (tt\S+)/.exec(await inHost(`ip route show ${v4}`))?.[1] ?? "";
  const state = () =>
    inHost(
      `for v in -4 -6; do ip $v -o route show table main | grep -v linkdown | sort; done
      ip nexthop | sort; ip -o addr show scope link; ip neigh show nud permanent; ip -o link show ${device}; nft -s list ruleset | sort`,
    );
  const before = await state();
  assert.match(before, /proto 122/);
  for (const harm of [
    `ip route del ${v4}`,
    `ip -6 route del ${v6}`,
    "ip route del $(ip route show proto 122 | head -1 | cut -d' ' -f1)",
    "ip -6 route del $(ip -6 route show proto 122 | head -1 | cut -d' ' -f1)",
    "ip nexthop flush proto 122",
    "ip addr del 169.254.1.1/32 dev lo",
    `ip neigh del ${v4} dev ${device}`,
    `ip link set ${device} down`,
    "nft flush table inet tortie",
    "nft delete table inet tortie",
    "nft flush ruleset",
    "nft add rule inet tortie forward accept",
  ]) {
    await inHost(`${harm} || echo "${harm} failed"`);
    await eventually(`mended: ${harm}`, async () => (await state()) === before);
  }
  assert.deepEqual((await agentStatus(lab, "a"))?.failures, []);
  await ping(lab, "w-b", addresses);
});

/** Takes the BGP port as soon as it is free, says so, and keeps it. */
const squatter = `
  const take = () => require("node:net").createServer().on("error", () => setTimeout(take, 1))
    .listen(179, "0.0.0.0", () => console.log("taken"));
  take();`;

test("an agent that cannot have the BGP port says so, does the rest of its work, and takes the port when it is free", {
  timeout: 60_000,
}, async () => {
  const child = lab.spawn("a", process.execPath, "-e", squatter);
  await signalTo(lab, "a");
  await once(child.stdout, "data");
  await eventually("it says so", async () => {
    const failures = (await agentStatus(lab, "a"))?.failures ?? [];
    return String(failures) === "listening on port 179 (IPv4): EADDRINUSE";
  });
  await askAgent(lab, "a", "/v1/attach", { netns: netnsOf("late"), name: "late" });
  await ping(lab, "late", (await lab.workload("w-a")).addresses);
  child.kill();
  const status = await untilSessions(lab, "a", 2);
  assert.deepEqual(status.failures, []);
});

test("an interface that looks like a workload's and that nobody knows carries nothing", {
  timeout: 60_000,
}, async () => {
  const [v4 = "", v6 = ""] = (await lab.workload("w-a")).addresses;
  await inHost(`
    ip link add ttstranger type veth peer name eth0 netns stranger
    ip addr add 169.254.9.1/30 dev ttstranger; ip -6 addr add fd00:99::1/64 dev ttstranger nodad
    ip link set ttstranger up
    ip -n stranger addr add 169.254.9.2/30 dev eth0; ip -n stranger -6 addr add fd00:99::2/64 dev eth0 nodad
    ip -n stranger link set eth0 up
    ip -n stranger route add default via 169.254.9.1; ip -n stranger -6 route add default via fd00:99::1`);
  const reach = async () =>
    Promise.all(
      [
        ["stranger", v4],
        ["stranger", v6],
        ["w-a", "169.254.9.2"],
        ["w-a", "fd00:99::2"],
      ].map(async ([from = "", to = ""]) =>
        shell(lab, from, `ping -c 2 -i 0.2 -W 1 ${to}`).then(
          () => true,
          () => false,
        ),
      ),
    );
  assert.deepEqual(await reach(), [false, false, false, false]);
  // By another name it is none of ours, and passes: the packets were fit to arrive.
  await inHost(
    "ip link set ttstranger down; ip link set ttstranger name stranger; ip -6 addr add fd00:99::1/64 dev stranger nodad; ip link set stranger up",
  );
  await eventually("the stranger is let through", async () => (await reach()).every(Boolean));
});

test("packets with a source that is not the workload's own are dropped", { timeout: 60_000 }, async () => {
  const [own4 = "", own6 = ""] = (await lab.workload("w-a")).addresses;
  const receiver = await lab.workload("w-b");
  const [theirs4 = "", theirs6 = ""] = receiver.addresses;
  const probe = () =>
    sendProbes(lab, {
      sinks: [{ netns: netnsOf("w-b"), port: 7000 }],
      flows: receiver.addresses.map((to) => ({ netns: netnsOf("w-a"), to: [to], port: 7000, packetsPerSecond: 500 })),
    });
  const sendFrom = (source4: string, source6: string) =>
    inHost(`
      ip -n w-a addr replace ${source4}/32 dev eth0; ip -n w-a -6 addr replace ${source6}/128 dev eth0 nodad
      ip -n w-a route replace default via 169.254.1.1 src ${source4}
      ip -n w-a -6 route replace default via fe80::1 dev eth0 src ${source6}`);
  assert.deepEqual(await probe(), [1, 1]);
  for (const [source4, source6] of [
    ["10.65.255.7", "fd00:65::ffff:7"],
    ["192.0.2.7", "2001:db8::7"],
  ] as const) {
    await sendFrom(source4, source6);
    assert.deepEqual(await probe(), [0, 0], source4);
  }
  assert.match(await inHost("nft list chain inet tortie anti-spoof"), /counter packets [1-9]/);
  await sendFrom(own4, own6);
  await eventually("with its own addresses it is heard again", async () => String(await probe()) === "1,1");
  assert.ok(theirs4 !== "" && theirs6 !== "");
});
