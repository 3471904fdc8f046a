import assert from "node:assert/strict";
import { test } from "node:test";
import { BadHost, decode, eventually, run } from "./bad-host.ts";

const timeout = 60_000;
const lent = ["198.51.100.7", "2001:db8:5::7"] as const;

test("a workload may send from sources that its endpoint is let, of both IP versions, and from no others", {
  timeout,
}, async () => {
  await using host = await BadHost.start("a", "b");
  const spec = { workloadSourceSpoofing: "Any" };
  host.give(decode({ kind: "FelixConfiguration", metadata: { name: "default" }, spec }));
  host.giveEndpoint("a", { allowSpoofedSourcePrefixes: ["198.51.100.0/24", "2001:db8:5::/64"] });
  await host.untilUp("a");
  const [free4, free6] = ["203.0.113.7", "2001:db8:6::7"];
  for (const address of [lent[0], free4]) inside(host, "a", `ip address add ${address}/32 dev eth0`);
  for (const address of [lent[1], free6]) inside(host, "a", `ip address add ${address}/128 dev eth0 nodad`);
  const [to4, to6] = host.addressesOf("b");
  assert.deepEqual(
    [
      await hasArrived(host, "a", "b", { from: lent[0], to: to4 }),
      await hasArrived(host, "a", "b", { from: lent[1], to: to6 }),
      await hasArrived(host, "a", "b", { from: free4, to: to4 }),
      await hasArrived(host, "a", "b", { from: free6, to: to6 }),
    ],
    [true, true, false, false],
  );
});

test("a link that we made is closed by any other name, though its rules are those of no workload", {
  timeout,
}, async () => {
  await using host = await BadHost.start("a", "b");
  run("ip link set tta alias tortie:shop/a");
  const [to4, to6] = host.addressesOf("b");
  const [own4, own6] = host.addressesOf("a");
  assert.equal(await hasArrived(host, "a", "b", { from: own6, to: to6 }), true);
  run("ip link set tta down; ip link set tta name other0; ip link set other0 up");
  await eventually(
    () => /refused.*\n.*\n.*other0/.test(run("nft list set inet tortie refused")),
    () => run("nft list set inet tortie refused"),
  );
  // As far as the workload can tell nothing has changed.
  run("ip -6 address add fe80::1/64 dev other0 nodad; echo 0 > /proc/sys/net/ipv4/conf/other0/rp_filter");
  assert.equal(await hasArrived(host, "a", "b", { from: own4, to: to4 }), false);
  assert.equal(await hasArrived(host, "a", "b", { from: own6, to: to6 }), false);
  run("ip link set other0 down; ip link set other0 name tta");
  await host.untilUp("a");
  assert.equal(await host.reach("a", "b"), "open");
});

test("from a pool that asks for it a workload gets out under its host's address, and under its own to all pools", {
  timeout,
}, async () => {
  await using host = await BadHost.start("a", "b", "out");
  // Not a workload's any more: a host on the same segment.
  host.takeEndpoint("out");
  const outside = { v4: "192.0.2.2", v6: "2001:db8::2" };
  run(`ip link set ttout down; ip link set ttout name up0; ip link set up0 address 02:00:00:00:04:01 up
    ip address add 192.0.2.1/24 dev up0; ip address add 2001:db8::1/64 dev up0 nodad`);
  inside(
    host,
    "out",
    `ip address flush dev eth0; ip address add ${outside.v4}/24 dev eth0
    ip address add ${outside.v6}/64 dev eth0 nodad`,
  );
  const pool = (name: string, cidr: string, natOutgoing: boolean) =>
    host.give(decode({ kind: "IPPool", metadata: { name }, spec: { cidr, natOutgoing } }));
  const isAnswered = (target: string) =>
    inside(host, "a", `ping -n -q -c 3 -i 0.2 -W 0.3 ${target} > /dev/null && echo yes || echo no`) === "yes\n";
  // Nobody outside knows the way back to a workload.
  assert.deepEqual([isAnswered(outside.v4), isAnswered(outside.v6)], [false, false]);
  pool("four", "10.10.0.0/16", true);
  pool("six", "fd10::/16", true);
  await eventually(
    () => isAnswered(outside.v4) && isAnswered(outside.v6),
    () => "nothing is translated",
  );
  const [own4, own6] = host.addressesOf("a");
  const [to4, to6] = host.addressesOf("b");
  assert.equal(await hasArrived(host, "a", "b", { from: own4, to: to4 }), true);
  assert.equal(await hasArrived(host, "a", "b", { from: own6, to: to6 }), true);
});

function inside(host: BadHost, name: string, script: string): string {
  return run(`nsenter --net=${host.netnsOf(name)} sh -ec '${script}'`);
}

/** Whether an echo request gets there; an answer may find no way back. A link that has just come up may take a moment. */
async function hasArrived(
  host: BadHost,
  sender: string,
  receiver: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<boolean> {
  const family = from.includes(":") ? "ip6" : "ip";
  const rules = `add table inet seen; delete table inet seen; add table inet seen
    add chain inet seen in { type filter hook prerouting priority -400; }
    add rule inet seen in ${family} saddr ${from} counter`;
  run(`nsenter --net=${host.netnsOf(receiver)} nft -f -`, rules);
  for (let attempt = 0; attempt < 2; attempt++) {
    inside(host, sender, `ping -n -q -c 3 -i 0.1 -W 0.3 -I ${from} ${to} || true`);
    const listing = inside(host, receiver, "nft list table inet seen");
    if (!listing.includes("packets 0 ")) return true;
  }
  return false;
}
