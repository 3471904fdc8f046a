import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { decodeResource } from "../../src/resources/index.ts";
import { TestLab, eventually } from "./lab-harness.ts";
import { agentStatus, askAgent, ping, serverOf, shell, signalTo, untilSessions } from "./lab-probes.ts";

const file = `
fabric: { type: segment }
hosts:
  - { name: a, workloads: [{ name: w-a }] }
  - { name: b, workloads: [{ name: w-b }] }
`;
const apiVersion = "projectcalico.org/v3";
const canary = "canary-77e0";
const secretOf = (text: string) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "bgp", namespace: "default", annotations: { last: text } },
  stringData: { key: text, other: canary },
});
const peering = (spec: object) => ({
  apiVersion,
  kind: "BGPPeer",
  metadata: { name: "everybody" },
  spec: {
    nodeSelector: "all()",
    peerSelector: "all()",
    password: { secretKeyRef: { name: "bgp", key: "key" } },
    ...spec,
  },
});

let lab: TestLab;

before(async () => {
  lab = await TestLab.start("session", file);
});

after(async () => {
  await lab[Symbol.asyncDispose]();
});

async function put(json: object): Promise<void> {
  using client = serverOf(lab);
  const decoded = decodeResource(json);
  assert.ok(decoded.ok, JSON.stringify(decoded));
  const { kind, metadata } = decoded.value;
  const present = await client.get(kind, metadata);
  if (present === undefined) await client.create(decoded.value);
  else await client.update({ ...decoded.value, metadata: { ...metadata, ...versionOf(present.metadata) } });
}

function versionOf({ resourceVersion }: { readonly resourceVersion?: string }): { resourceVersion?: string } {
  return resourceVersion === undefined ? {} : { resourceVersion };
}

async function drop(kind: "Secret" | "BGPFilter", name: string): Promise<void> {
  using client = serverOf(lab);
  await client.delete(kind, { name, ...(kind === "Secret" ? { namespace: "default" } : {}) });
}

const peersOf = async (host: string) => (await agentStatus(lab, host))?.bgp.peers ?? [];
const bothPeers = async () => [...(await peersOf("a")), ...(await peersOf("b"))];

/** By both agents, so far. */
async function sessionsLost(): Promise<number> {
  const logs = await shell(lab, "a", "cat /run/tortie-lab/log/a.log /run/tortie-lab/log/b.log");
  return logs.split("BGP session down").length - 1;
}

test("hosts have no session before they have its password, then one by it, and a change of it costs nothing", {
  timeout: 60_000,
}, async () => {
  await put(peering({}));
  await eventually("the sessions are withheld", async () => {
    const peers = await bothPeers();
    return peers.length === 4 && peers.every(({ isWithheld, state }) => isWithheld === true && state === "idle");
  });
  for (const { name, lastError } of await bothPeers()) {
    assert.match(name, /^Node_/);
    assert.equal(lastError, "the Secret bgp with its password is not there");
  }
  await put(secretOf(`${canary}-1`));
  await untilSessions(lab, "a", 2);
  await untilSessions(lab, "b", 2);
  const { addresses } = await lab.workload("w-b");
  await ping(lab, "w-a", addresses);
  const before = await sessionsLost();
  await put(secretOf(`${canary}-2`));
  // New routes get across only when both ends have the new one: their way is the same connection.
  await put(filter([{ action: "Accept" }], "exportV4"));
  await put(peering({ filters: ["f"], nextHopMode: "Self" }));
  await ping(lab, "w-a", addresses);
  assert.equal(await sessionsLost(), before);
});

const filter = (rules: readonly object[], list = "importV4", more: object = {}) => ({
  apiVersion,
  kind: "BGPFilter",
  metadata: { name: "f" },
  spec: { [list]: rules, ...more },
});

test("a BGPFilter takes a route away from the kernel and gives it back, in both IP versions, and no session ends", {
  timeout: 60_000,
}, async () => {
  const before = await sessionsLost();
  const { addresses } = await lab.workload("w-b");
  const routes = async () => {
    const shown = await shell(lab, "a", "ip route show proto 122; ip -6 route show proto 122");
    return [/^10\./m.test(shown), /^fd/m.test(shown)];
  };
  const until = async (what: string, expected: readonly boolean[]) => {
    let seen: readonly boolean[] = [];
    await eventually(what, async () => {
      seen = await routes();
      return seen.every((isThere, i) => isThere === expected[i]);
    }).catch((error: unknown) => assert.deepEqual(seen, expected, String(error)));
  };
  await until("both routes are there", [true, true]);
  await put(filter([{ action: "Reject", cidr: "10.0.0.0/8", matchOperator: "In" }]));
  await until("IPv4 is gone", [false, true]);
  await put(
    filter([], "importV4", {
      importV6: [{ action: "Reject", prefixLength: { min: 100 }, cidr: "::/0", matchOperator: "In" }],
    }),
  );
  await until("IPv4 is back and IPv6 gone", [true, false]);
  await drop("BGPFilter", "f");
  await until("a filter that is not there lets nothing through", [false, false]);
  await put(filter([]));
  await until("both are back", [true, true]);
  await ping(lab, "w-a", addresses);
  assert.equal(await sessionsLost(), before);
});

test("a host that starts without the server has its passwords, which nobody else sees", {
  timeout: 60_000,
}, async () => {
  const snapshot = "/run/tortie-state/a/snapshot.jsonl";
  await eventually("the snapshot has the password", async () =>
    (await shell(lab, "a", `cat ${snapshot}`)).includes(Buffer.from(`${canary}-2`).toString("base64")),
  );
  assert.equal((await shell(lab, "a", `stat -c %a ${snapshot}`)).trim(), "600");
  const kept = await shell(lab, "a", `grep '"kind":"Secret"' ${snapshot}`);
  assert.deepEqual(
    [kept.trim().split("\n").length, kept.includes("annotations"), kept.includes("other")],
    [1, false, false],
  );
  await signalTo(lab, "server", "STOP");
  try {
    const old = await signalTo(lab, "a");
    await untilSessions(lab, "a", 2, old);
  } finally {
    await signalTo(lab, "server", "CONT");
  }
  const shown = [JSON.stringify([await askAgent(lab, "a", "/v1/bgp/neighbors"), await agentStatus(lab, "a")])];
  for (const name of ["a", "b", "server"]) shown.push(await shell(lab, "a", `cat /run/tortie-lab/log/${name}.log`));
  for (const text of shown) assert.ok(!text.includes(canary), text.slice(0, 2000));
});

test("a Secret that is taken away takes the session with it", { timeout: 60_000 }, async () => {
  await drop("Secret", "bgp");
  await eventually("the sessions are withheld", async () =>
    (await bothPeers()).every(({ isWithheld }) => isWithheld === true),
  );
  await put(secretOf(`${canary}-3`));
  await untilSessions(lab, "a", 2);
});
