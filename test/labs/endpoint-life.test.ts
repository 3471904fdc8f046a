import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TestLab, eventually } from "./lab-harness.ts";
import type { AttachResponse } from "../../src/agent/index.ts";
import { agentStatus, askAgent, netnsOf, pidsOf, ping, serverOf, shell } from "./lab-probes.ts";

const segment = `
fabric: { type: segment }
hosts:
  - name: a
    workloads: [{ name: w-a }]
  - name: b
    workloads: [{ name: w-b }]
`;

let lab: TestLab;
/** What is held when nothing but the lab's own workloads is there. */
let nothing: string;
const inHost = (script: string) => shell(lab, "a", script);

before(async () => {
  lab = await TestLab.start("life", segment);
  await inHost("for name in x-1 x-2 x-3 x-4 x-5; do ip netns add $name; done");
  nothing = await settledHoldings();
});

after(async () => {
  await lab[Symbol.asyncDispose]();
});

/** What the API and this host's kernel hold of workloads. */
async function holdings(): Promise<string> {
  const server = serverOf(lab);
  const endpoints = await server.list("WorkloadEndpoint");
  const handles = await server.list("IPAMHandle");
  const blocks = await server.list("IPAMBlock");
  return [
    ...endpoints.items.map((endpoint) => JSON.stringify(endpoint)),
    ...handles.items.map(({ metadata }) => metadata.name),
    ...blocks.items.map(({ spec }) => JSON.stringify(spec.attributes)),
    await inHost(`
      ip -o link; ip -o addr | sed 's/ tentative//'; ip route show proto 121; ip -6 route show proto 121; ip neigh show nud permanent
      nft -s list ruleset | sort`),
  ].join("\n");
}

/** The kernel and the agent come to rest a moment after the lab is up: a link-local address may be late, for one. */
async function settledHoldings(): Promise<string> {
  let now = "";
  await eventually("two looks show the same", async () => {
    const before = now;
    await sleep(500);
    now = await holdings();
    return now === before;
  });
  return now;
}

/** Tells what is there too much or too little if it does not come about. */
async function untilNothing(): Promise<void> {
  let now = "";
  const isNothing = async () => (now = await holdings()) === nothing;
  await eventually("nothing is left", isNothing).catch((error: unknown) => {
    const [old, present] = [new Set(nothing.split("\n")), new Set(now.split("\n"))];
    const left = [...present].filter((line) => !old.has(line)).map((line) => `+ ${line}`);
    const lost = [...old].filter((line) => !present.has(line)).map((line) => `- ${line}`);
    throw new Error([String(error), ...left, ...lost].join("\n"), { cause: error });
  });
}

const attach = (name: string, netns = name) =>
  askAgent<AttachResponse>(lab, "a", "/v1/attach", { netns: netnsOf(netns), name });
const detach = (name: string) => askAgent(lab, "a", "/v1/detach", { name });

test("attaching again gives the same addresses and changes nothing; detaching again neither", {
  timeout: 60_000,
}, async () => {
  const first = await attach("x-1");
  assert.equal(first.addresses.length, 2);
  const attached = await holdings();
  assert.deepEqual(await attach("x-1"), first);
  assert.equal(await holdings(), attached);
  await detach("x-1");
  await untilNothing();
  await detach("x-1");
  assert.equal(await holdings(), nothing);
});

test("whoever is told that a workload is attached can use it at once, also when its name was just given up", {
  timeout: 60_000,
}, async () => {
  for (let time = 0; time < 5; time++) {
    const { addresses, hostInterface } = await attach("x-1");
    assert.match(await inHost("ip -o link show up"), new RegExp(hostInterface));
    // Its source is accepted, and its host routes to it.
    await ping(lab, "x-1", (await lab.workload("w-a")).addresses);
    assert.equal(addresses.length, 2);
    await detach("x-1");
  }
});

const refusals: [what: string, args: string[], words: RegExp][] = [
  [
    "a namespace that is not there",
    ["--netns", "/run/netns/nope", "--name", "x"],
    /there is no network namespace .*nope/,
  ],
  ["a file that is no namespace", ["--netns", "/etc/passwd", "--name", "x"], /\/etc\/passwd/],
  ["the namespace of the host", ["--netns", "/run/netns/a", "--name", "x"], /network namespace of the host itself/],
  ["a bad name", ["--netns", "/run/netns/x-1", "--name", "Bad_Name"], /spec\.workload: "Bad_Name" is not a name/],
  ["a bad label", ["--netns", "/run/netns/x-1", "--name", "x", "--label", "a b=c"], /metadata\.labels/],
  [
    "an unknown namespace",
    ["--netns", "/run/netns/x-1", "--name", "x", "--namespace", "nowhere"],
    /no namespace nowhere/,
  ],
  ["an interface that is taken", ["--netns", "/run/netns/w-a", "--name", "x"], /has an interface eth0 already/],
  [
    "a second interface",
    ["--netns", "/run/netns/w-a", "--name", "w-a", "--interface", "eth1"],
    /attached already, by .* eth0/,
  ],
];

test("what cannot be attached is refused with one line, and leaves nothing behind", { timeout: 60_000 }, async () => {
  await untilNothing();
  for (const [what, args, words] of refusals) {
    const done = await lab.exec("a", "tortie", "workload", "attach", ...args);
    assert.ok(done.status === 1 || done.status === 2, `${what}: ${done.status}`);
    assert.match(done.stderr, words, what);
    assert.match(done.stderr, /^error: .*\n$/, what);
  }
  assert.equal(await holdings(), nothing);
});

test("a name is another workload on another host: neither gets the other's addresses, or gives them back", {
  timeout: 60_000,
}, async () => {
  const { addresses } = await lab.workload("w-b");
  const before = await serverOf(lab).list("WorkloadEndpoint");
  await detach("w-b");
  assert.deepEqual((await serverOf(lab).list("WorkloadEndpoint")).items, before.items);
  const other = await attach("w-b", "x-1");
  assert.deepEqual(
    other.addresses.filter((address) => addresses.includes(address.replace(/\/.*/, ""))),
    [],
  );
  await detach("w-b");
  await untilNothing();
  await ping(lab, "w-a", addresses);
});

test("an agent that is killed while it attaches leaves nothing that a repeat does not put right", {
  timeout: 90_000,
}, async () => {
  const names = ["x-1", "x-2", "x-3", "x-4", "x-5"];
  // The moment of the kill, as the number of workload links: from the first requests to all of them made.
  for (const links of [1, 2, 4, 6]) {
    const pid = (await pidsOf(lab)).get("a");
    const attempts = Promise.allSettled(names.map((name) => attach(name)));
    await inHost(`until [ $(ip -o link | grep -c ': tt') -ge ${links} ]; do :; done; kill -9 ${pid}`);
    await attempts;
    await eventually("the agent is back", async () => {
      const now = await agentStatus(lab, "a");
      return now?.source === "server" && (await pidsOf(lab)).get("a") !== pid;
    });
    const attached = await Promise.all(names.map((name) => attach(name)));
    const addresses = attached.flatMap((workload) => workload.addresses.map((address) => address.replace(/\/.*/, "")));
    assert.equal(new Set(addresses).size, 10);
    const status = await agentStatus(lab, "a");
    assert.deepEqual(
      status?.endpoints.map(({ state }) => state),
      Array.from({ length: 6 }, () => "up"),
    );
    await ping(lab, "w-b", addresses);
    await Promise.all(names.map(detach));
    await untilNothing();
  }
});
