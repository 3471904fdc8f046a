import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TestLab, eventually } from "./lab-harness.ts";
import { agentStatus, pidsOf, ping, serverOf, shell } from "./lab-probes.ts";

const old = ["a", "b", "c"];
const fourth = "\n  - name: d\n    workloads: [{ name: w-d }]";
const file = (extra: string, more: string) => `
fabric: { type: segment }
hosts:
  - name: a
    workloads: [{ name: w-a, labels: { role: web } }${extra}]
  - name: b
    workloads: [{ name: w-b }]
  - name: c
    workloads: [{ name: w-c }]${more}
`;
const extra = ", { name: extra }";

let lab: TestLab;

before(async () => {
  lab = await TestLab.start("change", file(extra, ""));
});

after(async () => {
  await lab[Symbol.asyncDispose]();
});

/** All that has an identity on the hosts and would show that it was made anew. */
async function identities(hosts: readonly string[]): Promise<Record<string, unknown>> {
  const pids = await pidsOf(lab);
  const show =
    "ip -o link; ip -o addr; ip -d route show proto 121; ip -6 -d route show proto 121; nft -s -a list ruleset";
  const texts = await Promise.all(hosts.map((host) => shell(lab, host, show)));
  return Object.fromEntries([
    ["server", pids.get("server")],
    // How the kernel checks its own addresses is none of ours.
    ...hosts.map((host, at) => [host, [pids.get(host), texts[at]?.replaceAll(" tentative", "")]]),
  ]);
}

test("lab up of the unchanged file has nothing to do, and does nothing", { timeout: 60_000 }, async () => {
  const before = await identities(old);
  assert.match((await lab.apply(file(extra, ""))).stdout, /nothing to do/);
  assert.deepEqual(await identities(old), before);
});

test("a fourth host is added without a touch to the others, and reaches all of them", { timeout: 60_000 }, async () => {
  const before = await identities(old);
  const { stdout } = await lab.apply(file(extra, fourth));
  assert.match(stdout, /host d added/);
  assert.doesNotMatch(stdout, /host [abc]|removed|changed/);
  assert.deepEqual(await identities(old), before);
  for (const name of ["w-a", "w-b", "w-c"]) {
    await ping(lab, "w-d", (await lab.workload(name)).addresses);
  }
});

test("a workload that is taken away leaves the API, the kernel and IPAM; its neighbours stay as they are", {
  timeout: 60_000,
}, async () => {
  const { addresses } = await lab.workload("extra");
  const known = async () => {
    const objects = await Promise.all(
      (["WorkloadEndpoint", "IPAMHandle", "IPAMBlock"] as const).map((kind) => serverOf(lab).list(kind)),
    );
    const show = "ip -d link; ip route; ip -6 route; ip neigh show nud permanent; nft list ruleset";
    return JSON.stringify(objects) + (await shell(lab, "a", show));
  };
  for (const address of addresses) assert.ok((await known()).includes(address));
  const before = await identities(["b", "c", "d"]);
  assert.match((await lab.apply(file("", fourth))).stdout, /workload extra removed/);
  assert.deepEqual(await identities(["b", "c", "d"]), before);
  assert.equal(
    (await lab.status()).workloads.some(({ name }) => name === "extra"),
    false,
  );
  // The first address of a block is also the name of the block, which stays.
  const tells = (word: string) => new RegExp(`.{0,200}(?<![\\w.:])${RegExp.escape(word)}(?![\\w.:]|/26|/122).{0,200}`);
  let told: readonly (string | undefined)[] = [];
  await eventually("nothing tells of it any more", async () => {
    const text = await known();
    told = ["extra", ...addresses].flatMap((word) => tells(word).exec(text)?.[0] ?? []);
    return told.length === 0;
  }).catch((error: unknown) => assert.deepEqual(told, [], String(error)));
  // Others still answer.
  await ping(lab, "w-d", (await lab.workload("w-a")).addresses);
});

test("a host that is taken away is forgotten by the others: sessions and routes go at once, theirs stay", {
  timeout: 60_000,
}, async () => {
  const [v4 = "", v6 = ""] = (await lab.workload("w-d")).addresses;
  const route = (host: string, address: string) => shell(lab, host, `ip route get ${address} fibmatch`);
  assert.match(await route("a", v4), /proto 122/);
  assert.match(await route("a", v6), /proto 122/);
  const before = await identities(old);
  assert.match((await lab.apply(file("", ""))).stdout, /host d removed/);
  for (const host of old) {
    await eventually(`${host} has forgotten d`, async () => {
      const show = `ip -o route show proto 122 match ${v4}; ip -6 -o route show proto 122 match ${v6}`;
      return (await shell(lab, host, show)) === "";
    });
    const status = await agentStatus(lab, host);
    assert.deepEqual([status?.bgp.peers.length, status?.failures], [4, []]);
  }
  const { items } = await serverOf(lab).list("Node");
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    old,
  );
  assert.deepEqual(await identities(old), before);
});
