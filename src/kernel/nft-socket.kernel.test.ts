import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import {
  type Cidr,
  type IpAddress,
  type IpVersion,
  TortieError,
  cidrFromBytes,
  parseAddress,
  parseCidr,
  seededRandom,
} from "../lib/index.ts";
import {
  type Chain,
  type NftSet,
  type Rule,
  type Table,
  address,
  addressIn,
  addressPortIn,
  addressPortSet,
  addressSet,
  clearMark,
  counter,
  ctState,
  diffTables,
  encodeChanges,
  family,
  icmp,
  ifname,
  interfaceMap,
  limit,
  log,
  makeRule,
  netSet,
  notrack,
  port,
  portIn,
  portSet,
  protocol,
  reject,
  reversePath,
  setMark,
  testMark,
  verdict,
  verdictMap,
} from "../nft/index.ts";
import { type NftSocket, monitorNft, openNftSocket } from "./nft-socket.ts";
import { requireOwnNamespace } from "./testing/own-namespace.ts";

// Each test works in the namespace that the whole run has for itself, on a table that it removes again.
requireOwnNamespace();

const ip = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);
const net = (text: string): Cidr => parseCidr(text) ?? assert.fail(text);
const nft = (...args: string[]) => execFileSync("nft", args, { encoding: "utf8" });
const not = { not: true };

function addressRules(version: IpVersion): Rule[] {
  const isV4 = version === 4;
  const cidrs = isV4
    ? ["10.1.0.0/16", "10.0.0.1/32", "10.128.0.0/9", "0.0.0.0/0", "192.0.2.64/27"]
    : ["2001:db8::/32", "2001:db8::1/128", "2001:db8:8000::/33", "::/0", "fe80::/10"];
  const plain = isV4 ? "hosts4" : "hosts6";
  const nets = isV4 ? "nets4" : "nets6";
  const services = isV4 ? "services4" : "services6";
  const rule = (...parts: Parameters<typeof makeRule>[0]) => makeRule([family(version), ...parts, verdict("accept")]);
  return [
    ...cidrs.flatMap((cidr) => [rule(address("source", net(cidr))), rule(address("destination", net(cidr), not))]),
    rule(addressIn("source", version, plain)),
    rule(addressIn("destination", version, nets, not)),
    rule(addressPortIn("destination", version, services)),
    rule(addressPortIn("source", version, services, not)),
    rule(icmp(version, { type: isV4 ? 8 : 128 })),
    rule(icmp(version, { type: isV4 ? 3 : 1, code: 4 })),
    rule(icmp(version, { type: isV4 ? 8 : 128 }, not)),
    rule(icmp(version, { type: isV4 ? 3 : 1, code: 4 }, not)),
  ];
}

const portRules: Rule[] = [
  makeRule([protocol(6), port("destination", 80), verdict("accept")]),
  makeRule([protocol(17), port("source", 1000, 2000), verdict("accept")]),
  makeRule([protocol(6), port("destination", 80, 80, not), port("source", 1, 1023, not), verdict("accept")]),
  makeRule([protocol(6), portIn("destination", "ports"), portIn("source", "ports", not), verdict("accept")]),
  makeRule([protocol(132, not), verdict("return")]),
];

const stateRules: Rule[] = [
  makeRule([ctState(["established", "related"]), verdict("accept")]),
  makeRule([ctState(["invalid"]), counter(), verdict("drop")]),
  makeRule([ctState(["new", "untracked"], not), verdict("return")]),
  makeRule([testMark(0x10000), verdict("accept")]),
  makeRule([testMark(0x20000, 0x30000, not), setMark(0x10000, 0x30000)]),
  makeRule([clearMark(0xffff0000)], 'a comment, with "quotes" and ümläuts'),
  makeRule([log({ prefix: "tortie-packet " })]),
  makeRule([log({ prefix: "to group", group: 7 })]),
  makeRule([limit({ rate: 10, unit: "second" }), log({ prefix: "slow", group: 7 })]),
  makeRule([limit({ rate: 3, unit: "hour", burst: 9, isOver: true }), verdict("drop")]),
  makeRule([reject()]),
  makeRule([reject("adminProhibited")]),
  makeRule([protocol(6), reject("reset")]),
];

const wholeTable: Table = {
  family: "inet",
  name: "tortie",
  sets: [
    addressSet("hosts4", 4, [ip("10.0.0.2"), ip("10.0.0.1"), ip("255.255.255.255")]),
    addressSet("hosts6", 6, [ip("2001:db8::1"), ip("::")]),
    netSet("nets4", 4, [
      net("10.0.0.0/24"),
      net("10.0.1.0/24"),
      net("10.0.0.7/32"),
      net("192.0.2.1/32"),
      net("255.0.0.0/8"),
    ]),
    netSet("nets6", 6, [net("2001:db8::/64"), net("2001:db8:0:2::/64"), net("ff00::/8"), net("::/128")]),
    netSet("all4", 4, [net("0.0.0.0/0")]),
    netSet("all6", 6, [net("::/0")]),
    netSet("none4", 4, []),
    portSet("ports", [
      { low: 80, high: 80 },
      { low: 443, high: 445 },
      { low: 60000, high: 65535 },
    ]),
    addressPortSet("services4", 4, [{ address: ip("10.0.0.1"), protocol: 6, port: 80 }]),
    addressPortSet("services6", 6, [{ address: ip("2001:db8::1"), protocol: 17, port: 53 }]),
    interfaceMap("from", [
      ["tt0123456789a", { type: "goto", chain: "from-workload" }],
      ["tt1", { type: "jump", chain: "ports" }],
      ["tt2", { type: "drop" }],
    ]),
  ],
  chains: [
    { name: "from-workload", rules: addressRules(4) },
    { name: "to-workload", rules: addressRules(6) },
    { name: "ports", rules: portRules },
    { name: "states", rules: stateRules },
    { name: "empty", rules: [] },
    {
      name: "forward",
      hook: { type: "filter", hook: "forward", priority: 0, policy: "drop" },
      rules: [
        makeRule([verdictMap("in", "from")]),
        makeRule([verdictMap("out", "from")]),
        makeRule([ifname("in", "tt", { isPrefix: true }), verdict({ goto: "empty" })]),
        makeRule([ifname("out", "tt", { isPrefix: true, not: true }), verdict({ jump: "states" })]),
        makeRule([ifname("in", "eth0"), ifname("out", "eth1", not), verdict({ jump: "to-workload" })]),
      ],
    },
    {
      name: "raw",
      hook: { type: "filter", hook: "prerouting", priority: -300, policy: "accept" },
      rules: [
        makeRule([ifname("in", "tt", { isPrefix: true }), reversePath({ isMissing: true }), verdict("drop")]),
        makeRule([reversePath({ isMissing: false, usesMark: true }), notrack()]),
      ],
    },
  ],
};

function table(parts: Partial<Table>): Table {
  return { family: "inet", name: "tortie", chains: [], sets: [], ...parts };
}

/** Brings the kernel from what it has to `wanted`. */
async function converge(socket: NftSocket, wanted: Table): Promise<void> {
  await socket.apply(diffTables(await socket.dumpTable(wanted.name), wanted));
}

async function withSocket(work: (socket: NftSocket) => Promise<void>): Promise<void> {
  using socket = openNftSocket();
  try {
    await work(socket);
  } finally {
    nft("flush", "ruleset");
  }
}

function matchesGolden(name: string, actual: string): void {
  const path = new URL(`testdata/${name}`, import.meta.url);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, actual);
  assert.equal(actual, readFileSync(path, "utf8"));
}

test("a table with everything we can build comes back as it went in, and nft prints what is meant", async () => {
  await withSocket(async (socket) => {
    assert.equal(await socket.dumpTable("tortie"), undefined);
    await socket.apply(diffTables(undefined, wholeTable));
    const present = await socket.dumpTable("tortie");
    assert.deepEqual(present?.chains, wholeTable.chains);
    assert.deepEqual(diffTables(present, wholeTable), []);
    matchesGolden("whole-table.nft", nft("-s", "list", "ruleset"));
  });
});

test("what nft itself loads from that text is no difference but for its short cuts", async () => {
  await withSocket(async (socket) => {
    nft("-f", new URL("testdata/whole-table.nft", import.meta.url).pathname);
    const present = await socket.dumpTable("tortie");
    assert.deepEqual(
      diffTables(present, wholeTable).filter(({ type }) => type !== "addRule" && type !== "flushChain"),
      [],
    );
    await socket.apply(diffTables(present, wholeTable));
    matchesGolden("whole-table.nft", nft("-s", "list", "ruleset"));
  });
});

test("a change of members touches neither rules nor chains", async () => {
  await withSocket(async (socket) => {
    await socket.apply(diffTables(undefined, wholeTable));
    const handles = () => nft("-s", "-a", "list", "ruleset").match(/^.*(chain|accept|drop).*# handle \d+$/gm);
    const before = handles();
    const others: ReadonlyMap<string, NftSet> = new Map(
      [
        addressSet("hosts4", 4, [ip("10.0.0.2"), ip("10.0.0.3")]),
        netSet("nets6", 6, [net("2001:db8::/48")]),
        portSet("ports", [{ low: 1, high: 81 }]),
        addressPortSet("services6", 6, []),
        interfaceMap("from", [
          ["tt1", { type: "jump", chain: "to-workload" }],
          ["tt9", { type: "accept" }],
        ]),
      ].map((set) => [set.name, set]),
    );
    const after = { ...wholeTable, sets: wholeTable.sets.map((set) => others.get(set.name) ?? set) };
    await converge(socket, after);
    assert.deepEqual(diffTables(await socket.dumpTable("tortie"), after), []);
    assert.deepEqual(handles(), before);
    assert((before?.length ?? 0) > 20);
  });
});

test("a refused transaction changes nothing and names the object", async () => {
  await withSocket(async (socket) => {
    await socket.apply(diffTables(undefined, wholeTable));
    const before = nft("-a", "list", "ruleset");
    const toNowhere: Chain = { name: "bad", rules: [makeRule([verdict({ jump: "nowhere" })], "to nowhere")] };
    const wanted = table({ chains: [toNowhere], sets: [] });
    await assert.rejects(socket.apply(diffTables(wholeTable, wanted)), (error: unknown) => {
      assert(error instanceof TortieError);
      assert.equal(error.code, "TT_KERNEL");
      assert.equal(error.fields["errno"], "ENOENT");
      assert.match(error.message, /rule "to nowhere" of chain bad of table tortie/);
      return true;
    });
    assert.equal(nft("-a", "list", "ruleset"), before);
    await assert.rejects(
      socket.apply([{ table: "missing", type: "deleteTable" }]),
      /deleteTable of table missing .*ENOENT/,
    );
    await socket.apply([{ table: "tortie", type: "deleteTable" }]);
    assert.equal(await socket.dumpTable("tortie"), undefined);
  });
});

test("hundreds of errors in one transaction give the first one", async () => {
  await withSocket(async (socket) => {
    const rules = Array.from({ length: 2000 }, () => makeRule([verdict({ jump: "nowhere" })]));
    await assert.rejects(socket.apply(diffTables(undefined, table({ chains: [{ name: "bad", rules }] }))), /ENOENT/);
    await converge(socket, wholeTable);
  });
});

test("a damaged table is put right", async () => {
  await withSocket(async (socket) => {
    await socket.apply(diffTables(undefined, wholeTable));
    nft("add rule inet tortie empty ip protocol gre accept");
    nft("insert rule inet tortie forward ip saddr { 10.0.0.1, 10.0.0.9 } accept");
    nft("add chain inet tortie other { type nat hook postrouting priority 100; }");
    nft("add set inet tortie strange { type ipv4_addr; flags timeout; }");
    nft("add element inet tortie hosts6 { 2001:db8::99 }");
    nft("flush chain inet tortie states");
    nft("chain inet tortie forward { policy accept; }");
    nft("delete element inet tortie from { tt2 }");
    nft("add table inet tortie { flags dormant; }");
    await converge(socket, wholeTable);
    matchesGolden("whole-table.nft", nft("-s", "list", "ruleset"));
    await converge(socket, table({}));
    assert.equal(nft("list", "ruleset"), "table inet tortie {\n}\n");
  });
});

test("intervals come and go in any order", async () => {
  await withSocket(async (socket) => {
    const random = seededRandom(4);
    const octet = () => Math.floor(random() * 4) * 64;
    for (let round = 0; round < 150; round++) {
      const v4 = Array.from({ length: Math.floor(random() * 12) }, () =>
        cidrFromBytes(
          Uint8Array.of(octet(), 0, octet(), Math.floor(random() * 8)),
          [0, 1, 2, 8, 17, 24, 30, 31, 32][Math.floor(random() * 9)] ?? 0,
        ),
      );
      const v6 = v4.map((cidr) =>
        net(
          cidr.startsWith("0.0.0.0/")
            ? "::/1"
            : `${(Number.parseInt(cidr, 10) + 1).toString(16)}00::/${cidr.split("/")[1]}`.replace(/\/\d$/, "/8"),
        ),
      );
      const wanted = table({ sets: [netSet("s4", 4, v4), netSet("s6", 6, v6)] });
      await converge(socket, wanted);
      assert.deepEqual(diffTables(await socket.dumpTable("tortie"), wanted), [], JSON.stringify(v4));
    }
  });
});

test("20,000 elements and 300 chains go in and out, in as many steps as the buffer asks for", async () => {
  await withSocket(async (socket) => {
    const addresses = Array.from({ length: 20_000 }, (_, i) => ip(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`));
    const nets = Array.from({ length: 20_000 }, (_, i) => net(`2001:db8:0:${i.toString(16)}:8000::/65`));
    const names = Array.from({ length: 300 }, (_, i) => `w${i}`);
    const rules = [...addressRules(4), makeRule([verdict("drop")])];
    const sets = wholeTable.sets.map((set) =>
      set.name === "hosts4"
        ? addressSet("hosts4", 4, addresses)
        : set.name === "nets6"
          ? netSet("nets6", 6, nets)
          : set,
    );
    const map = interfaceMap(
      "to",
      names.map((name) => [name, { type: "goto", chain: name }]),
    );
    const chains = [...names.map((name) => ({ name, rules })), ...wholeTable.chains];
    const wanted = { ...wholeTable, sets: [...sets, map], chains };
    assert(encodeChanges(diffTables(undefined, wanted), { firstSequence: 1, maxBytes: 425_000 }).length > 4);
    await socket.apply(diffTables(undefined, wanted));
    assert.deepEqual(diffTables(await socket.dumpTable("tortie"), wanted), []);
    await converge(socket, wholeTable);
    matchesGolden("whole-table.nft", nft("-s", "list", "ruleset"));
  });
});

test("a dump taken while others write is of one mind", async () => {
  await withSocket(async (reader) => {
    using writer = openNftSocket();
    const extra = (name: string): Chain => ({ name, rules: addressRules(6) });
    const variant = (name: string): Table => ({
      ...wholeTable,
      sets: wholeTable.sets.map((set) =>
        set.name === "hosts4" ? addressSet("hosts4", 4, [ip(name === "one" ? "10.0.0.1" : "10.0.0.2")]) : set,
      ),
      chains: [...wholeTable.chains, extra(name)],
    });
    const one = variant("one");
    const two = variant("two");
    await writer.apply(diffTables(undefined, one));
    for (let round = 0; round < 20; round++) {
      const [before, after] = round % 2 === 0 ? [one, two] : [two, one];
      const [present] = await Promise.all([reader.dumpTable("tortie"), writer.apply(diffTables(before, after))]);
      const differences = [diffTables(present, before), diffTables(present, after)];
      assert(differences.some((changes) => changes.length === 0));
    }
  });
});

test("the monitor tells of changes by others to our table, and of no others", { timeout: 10_000 }, async () => {
  await withSocket(async (socket) => {
    const stop = new AbortController();
    const events = monitorNft({ signal: stop.signal, table: "tortie", ownPortIds: [socket.portId] });
    const iterator = events[Symbol.asyncIterator]();
    let isTold = false;
    const first = iterator.next().then((event) => {
      isTold = true;
      return event;
    });
    await socket.apply(diffTables(undefined, wholeTable));
    nft("add table inet somebody");
    await socket.dumpTable("tortie");
    assert.equal(isTold, false);
    nft("add element inet tortie hosts4 { 10.9.9.9 }");
    assert.deepEqual(await first, { done: false, value: { type: "changed" } });
    const second = iterator.next();
    nft("flush", "ruleset");
    assert.deepEqual(await second, { done: false, value: { type: "changed" } });
    const third = iterator.next();
    stop.abort();
    assert.equal((await third).done, true);
  });
});
