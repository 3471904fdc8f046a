// Policies, endpoints and sets into nftables.
import type { Row } from "./bench.ts";
import { Figures } from "./figures.ts";
import type { HostPeer } from "./host-peer.ts";
import { HostRig, linkNameOf, makeLinks, policy, removeLinks, workload } from "./host-rig.ts";
import type { HostSizes } from "./host-sizes.ts";
import { addressElement, addressShape } from "../src/nft/index.ts";
import { addressAt, networkSet, remoteWorkload } from "./host-rig.ts";
import { openNftSocket } from "../src/kernel/index.ts";
import { tableName } from "../src/dataplane/index.ts";
import type { NftChange, Table } from "../src/nft/index.ts";

type Report = (row: Row) => void;

export async function filterScenes(report: Report, sizes: HostSizes, peer: HostPeer): Promise<void> {
  await bigSetScene(report, sizes, peer);
  await intervalScene(report, sizes, peer);
  await fromNothingScene(report, sizes, peer);
}

const fromWeb = policy("from-web", {
  selector: "app == 'local'",
  ingress: [{ action: "Allow", source: { selector: "app == 'web'" } }],
});

/** One member of a big set comes and goes, and one workload, with many workloads there. */
async function bigSetScene(report: Report, { rounds, members, workloads }: HostSizes, peer: HostPeer): Promise<void> {
  const names = Array.from({ length: workloads + 1 }, (_, at) => linkNameOf(at));
  await makeLinks(names);
  const rig = new HostRig();
  const local = names.map((_, at) => workload(at, { app: "local" }));
  const [extra, ...present] = local.toReversed();
  if (extra === undefined) throw new Error("no workload");
  rig.put(fromWeb, ...present);
  for (let at = 0; at < members; at++) rig.put(remoteWorkload(at));
  await rig.settle(() => rig.start());
  await peer.putTable(await wholeTable());

  const figures = new Figures();
  const late = remoteWorkload(members);
  const set = await setWithMembers();
  const member = addressAt(4, members);
  const text = (verb: string) => peer.file(`${verb} element inet ${tableName} ${set} { ${member} }\n`);
  const element = { table: tableName, set: addressShape(set, 4), elements: [addressElement(member)] } as const;
  const [addText, deleteText] = [text("add"), text("delete")];
  const addRaw = peer.recording([[{ type: "addElements", ...element }]]);
  const deleteRaw = peer.recording([[{ type: "deleteElements", ...element }]]);
  await warmUp(rig, late);
  for (let round = 0; round < rounds * 4; round++) {
    const added = await rig.settle(() => rig.put(late));
    const removed = await rig.settle(() => rig.remove(late));
    const nft = peer.time("nft", ["-f", addText]);
    peer.run("nft", ["-f", deleteText]);
    const floor = peer.replay(addRaw);
    peer.replay(deleteRaw);
    figures.note({ added: added.rulesMs, removed: removed.rulesMs, whole: added.ms, cpu: added.cpuMs, nft, floor });
  }
  const place = `${members} members, ${workloads} workloads`;
  report({
    what: `one more member of a set (${place}), from the message to the kernel's answer`,
    unit: "ms",
    ours: figures.middle("added"),
    peer: { name: "nft -f", value: figures.middle("nft") },
    floor: { name: "C", value: figures.middle("floor") },
    target: "<= 0.3, >= 20 x faster than nft -f",
  });
  report({ what: "one less", unit: "ms", ours: figures.middle("removed"), target: "" });
  report({ what: "the whole round of the agent for it", unit: "ms", ours: figures.middle("whole"), target: "" });
  report({ what: "the same, the processor's time", unit: "ms", ours: figures.middle("cpu"), target: "" });

  await oneWorkload(report, { rig, peer, extra, name: names.at(-1) ?? "", rounds });
  await end(rig);
  await removeLinks(names);
  peer.run("nft", ["delete", "table", "inet", tableName]);
}

type OneWorkload = {
  readonly rig: HostRig;
  readonly peer: HostPeer;
  readonly extra: ReturnType<typeof workload>;
  readonly name: string;
  readonly rounds: number;
};

async function oneWorkload(report: Report, { rig, peer, extra, name, rounds }: OneWorkload): Promise<void> {
  const figures = new Figures();
  const first = await rig.settle(() => rig.put(extra));
  const gone = await rig.settle(() => rig.remove(extra));
  const [addRaw, removeRaw] = [peer.recording(first.sent.nft), peer.recording(gone.sent.nft)];
  // The text leaves out what goes into other sets.
  const isInText = (change: NftChange) =>
    change.type !== "deleteElements" || ["workloads", "from-workload", "to-workload"].includes(change.set.name);
  const removeText = peer.recording(gone.sent.nft.map((changes) => changes.filter(isInText)));
  peer.replay(addRaw);
  const chains = ["to", "from"].map((way) => peer.run("nft", ["list", "chain", "inet", tableName, `${way}/${name}`]));
  const text = peer.file(
    [
      ...chains,
      `add element inet ${tableName} workloads { "${name}" }`,
      `add element inet ${tableName} from-workload { "${name}" : jump from/${name} }`,
      `add element inet ${tableName} to-workload { "${name}" : jump to/${name} }`,
    ].join("\n"),
  );
  peer.replay(removeRaw);
  await warmUp(rig, extra);
  for (let round = 0; round < rounds * 2; round++) {
    const added = await rig.settle(() => rig.put(extra));
    await rig.settle(() => rig.remove(extra));
    const nft = peer.time("nft", ["-f", text]);
    peer.replay(removeText);
    const floor = peer.replay(addRaw);
    peer.replay(removeRaw);
    figures.note({ added: added.rulesMs, whole: added.ms, nft, floor });
  }
  report({
    what: "one more workload, from the message to the kernel's answer about its rules",
    unit: "ms",
    ours: figures.middle("added"),
    peer: { name: "nft -f", value: figures.middle("nft") },
    floor: { name: "C", value: figures.middle("floor") },
    target: "<= 1, >= 8 x faster than nft -f",
  });
  report({
    what: "until it is up, with routes, neighbours and settings",
    unit: "ms",
    ours: figures.middle("whole"),
    target: "",
  });
}

async function intervalScene(report: Report, { rounds, cidrs }: HostSizes, peer: HostPeer): Promise<void> {
  const rig = new HostRig();
  const name = linkNameOf(0);
  await makeLinks([name]);
  const [all, half] = [networkSet(2 * cidrs), networkSet(cidrs)];
  rig.put(fromWeb, workload(0, { app: "local" }), all);
  await rig.settle(() => rig.start());
  const whole = await wholeTable();
  const figures = new Figures();
  for (let round = 0; round < rounds; round++) {
    const removed = await rig.settle(() => rig.put(half));
    await rig.settle(() => rig.put(all));
    await peer.putTable(whole);
    figures.note({ removed: removed.rulesMs, floor: peer.replay(peer.recording(removed.sent.nft)) });
  }
  report({
    what: `${cidrs} CIDRs leave an interval set of twice as many`,
    unit: "ms",
    ours: figures.middle("removed"),
    floor: { name: "C", value: figures.middle("floor") },
    target: "<= 100",
  });
  await end(rig);
  await removeLinks([name]);
  peer.run("nft", ["delete", "table", "inet", tableName]);
}

/** Each endpoint has a twentieth of the policies or so, and each policy some endpoints. */
async function fromNothingScene(report: Report, sizes: HostSizes, peer: HostPeer): Promise<void> {
  const { rounds, endpoints, policies } = sizes;
  const names = Array.from({ length: endpoints }, (_, at) => linkNameOf(at));
  await makeLinks(names);
  const figures = new Figures();
  const resources = manyResources(endpoints, policies);
  const touching = policy("touching", { selector: "tenth in { '0', '1' }", order: 1, ingress: [{ action: "Deny" }] });
  for (let round = 0; round < rounds; round++) {
    const rig = new HostRig();
    rig.put(...resources);
    const born = await rig.settle(() => rig.start());
    const floor = peer.replay(peer.recording(born.sent.nft));
    figures.note({ born: born.rulesMs, whole: born.ms, floor });
    for (let time = 0; time < 3; time++) {
      const come = await rig.settle(() => rig.put(touching));
      const table = await wholeTable();
      const gone = await rig.settle(() => rig.remove(touching));
      figures.note({ come: come.rulesMs, gone: gone.rulesMs });
      if (time > 0) continue;
      await peer.putTable(table);
      const more = peer.tableText(tableName);
      await peer.putTable(await wholeTable());
      const change = peer.file(textOfChange(peer.tableText(tableName), more));
      figures.note({ comeByNft: peer.time("nft", ["-f", change]) });
    }
    peer.run("nft", ["delete", "table", "inet", tableName]);
    await end(rig);
  }
  const floor = { name: "C", value: figures.middle("floor") };
  const what = `${endpoints} endpoints x ${policies} policies, from nothing to the kernel's answer`;
  // `nft` sends all of it in one message, which is too long for what a socket takes without rights.
  report({ what, unit: "ms", ours: figures.middle("born"), floor, target: "<= 2 x C" });
  report({
    what: "until all are up, with routes, neighbours and settings",
    unit: "ms",
    ours: figures.middle("whole"),
    target: "",
  });
  const touched = Math.ceil(endpoints / 5);
  report({
    what: `a policy for ${touched} of them comes`,
    unit: "ms",
    ours: figures.middle("come"),
    peer: { name: "nft -f", value: figures.middle("comeByNft") },
    target: "<= 20",
  });
  report({ what: "and goes", unit: "ms", ours: figures.middle("gone"), target: "<= 20" });
  await removeLinks(names);
}

export function manyResources(endpoints: number, policies: number): ReturnType<typeof workload>[] {
  const groups = 20;
  return [
    ...Array.from({ length: endpoints }, (_, at) =>
      workload(at, { app: "local", group: String(at % groups), tenth: String(at % 10) }),
    ),
    ...Array.from({ length: policies }, (_, at) =>
      policy(`policy-${at}`, {
        order: 10 + at,
        selector: `group == '${at % groups}'`,
        ingress: [
          {
            action: "Allow",
            protocol: "TCP",
            source: { selector: `group == '${(at + 1) % groups}'` },
            destination: { ports: [1000 + at] },
          },
        ],
        egress: [{ action: "Allow", destination: { selector: "app == 'local'" } }],
      }),
    ),
  ];
}

/** What `nft -f` would be given to make the second table of the first: chains and sets that are new or others, written anew. */
function textOfChange(before: string, after: string): string {
  const known = new Set(blocksOf(before).map(({ text }) => text));
  const fresh = blocksOf(after).filter(({ text }) => !known.has(text));
  const flushed = fresh.filter(({ head }) => head.startsWith("chain ") && before.includes(`\t${head} {\n`));
  return [
    ...flushed.map(({ head }) => `flush ${head.replace("chain ", `chain inet ${tableName} `)}`),
    `table inet ${tableName} {`,
    ...fresh.map(({ text }) => text),
    "}",
    "",
  ].join("\n");
}

function blocksOf(text: string): { readonly head: string; readonly text: string }[] {
  return [...text.matchAll(/^\t((?:chain|set|map) \S+) \{\n[\s\S]*?^\t\}$/gm)].map(([block, head = ""]) => ({
    head,
    text: block,
  }));
}

/** Until what came before has died away, and the code is compiled: an agent runs for months. */
async function warmUp(rig: HostRig, resource: ReturnType<typeof workload>): Promise<void> {
  for (let time = 0; time < 50; time++) {
    await rig.settle(() => rig.put(resource));
    await rig.settle(() => rig.remove(resource));
  }
}

async function wholeTable(): Promise<Table> {
  using nft = openNftSocket();
  const table = await nft.dumpTable(tableName);
  if (table === undefined) throw new Error("the agent has made no table");
  return table;
}

async function setWithMembers(): Promise<string> {
  const { sets } = await wholeTable();
  const set = sets.find(({ name }) => name.startsWith("s4-"));
  if (set === undefined) throw new Error("there is no set of members");
  return set.name;
}

/** The table goes when there is nobody who would put it back. */
async function end(rig: HostRig): Promise<void> {
  await rig[Symbol.asyncDispose]();
  using nft = openNftSocket();
  const change: NftChange = { type: "deleteTable", table: tableName };
  await nft.apply([change]);
}
