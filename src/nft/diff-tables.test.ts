import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress, readMessages } from "../lib/index.ts";
import { verdict } from "./actions.ts";
import { describeChange } from "./change.ts";
import { diffTables } from "./diff-tables.ts";
import { encodeChanges } from "./encode-changes.ts";
import type { Verdict } from "./expression.ts";
import { makeRule } from "./make-rule.ts";
import { addressIn, family, testMark } from "./matches.ts";
import { messages } from "./numbers.ts";
import { addressSet, interfaceMap } from "./sets.ts";
import type { ChainHook, Rule, Table } from "./table.ts";
import { tables } from "./testing/arbitraries.ts";
import { ModelKernel } from "./testing/model-kernel.ts";

const present = fc.oneof({ weight: 4, arbitrary: tables }, { weight: 1, arbitrary: fc.constant(undefined) });

/** Order of chains, sets and elements does not count; the order of rules does. */
function sorted(table: Table | undefined): Table | undefined {
  const compare = (a: { name?: string; key?: string }, b: { name?: string; key?: string }) =>
    (a.name ?? a.key ?? "") < (b.name ?? b.key ?? "") ? -1 : 1;
  return (
    table && {
      ...table,
      chains: table.chains.toSorted(compare),
      sets: table.sets.map((set) => ({ ...set, elements: set.elements.toSorted(compare) })).toSorted(compare),
    }
  );
}

test("the changes lead from any table to any other, and each finds what it needs", () => {
  fc.assert(
    fc.property(present, tables, (present, wanted) => {
      const kernel = new ModelKernel(present);
      for (const change of diffTables(present, wanted)) kernel.apply(change);
      assert.deepEqual(sorted(kernel.table("t")), sorted(wanted));
      assert.deepEqual(diffTables(kernel.table("t"), wanted), []);
    }),
    { numRuns: 300 },
  );
});

/** Some objects of the one, some of the other, in the order that comes. */
const relatives = fc.tuple(tables, tables, fc.infiniteStream(fc.boolean())).map(([one, other, coins]) => {
  const toss = () => coins.next().value === true;
  const mix = <T extends { readonly name: string }>(a: readonly T[], b: readonly T[]): T[] => {
    const names = new Set(b.map(({ name }) => name));
    return [...a.filter(({ name }) => !names.has(name) || toss()), ...b].filter(
      ({ name }, at, all) => all.findIndex((item) => item.name === name) === at,
    );
  };
  return { one, mixed: { ...one, chains: mix(one.chains, other.chains), sets: mix(one.sets, other.sets) } };
});

test("tables that have objects in common differ by what a comparison of copies finds", () => {
  fc.assert(
    fc.property(relatives, ({ one, mixed }) => {
      const summary = (present: Table, wanted: Table) => brief(present, wanted).sort();
      const copy = structuredClone(mixed);
      assert.deepEqual(summary(one, mixed), summary(one, copy));
      assert.deepEqual(summary(mixed, one), summary(copy, one));
    }),
    { numRuns: 300 },
  );
});

/** Names of the chains that packets can get to, with their rules. */
function reachable(kernel: ModelKernel): Map<string, readonly Rule[]> {
  const found = new Map<string, readonly Rule[]>();
  const targets = (list: readonly { verdict?: Verdict }[]) =>
    list.flatMap(({ verdict }) => (verdict !== undefined && "chain" in verdict ? [verdict.chain] : []));
  const waiting = Array.from(kernel.chains.values()).flatMap(({ chain }) =>
    chain.hook === undefined ? [] : [chain.name],
  );
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    const rules = kernel.chains.get(name)?.rules ?? assert.fail(name);
    found.set(name, [...rules]);
    for (const expression of rules.flatMap((rule) => rule.expressions)) {
      if (expression.type === "verdict") waiting.push(...targets([expression]));
      if (expression.type === "lookupVerdict") {
        waiting.push(...targets(Array.from(kernel.sets.get(expression.map)?.elements.values() ?? [])));
      }
    }
  }
  return found;
}

test("wherever a transaction may end, packets meet chains only as they were or as they shall be", () => {
  fc.assert(
    fc.property(present, tables, (present, wanted) => {
      const kernel = new ModelKernel(present);
      const rulesIn = (table: Table | undefined, name: string) =>
        table?.chains.find((chain) => chain.name === name)?.rules;
      for (const change of [...diffTables(present, wanted), undefined]) {
        if (change?.isJoined !== true) {
          for (const [name, rules] of reachable(kernel)) {
            const text = JSON.stringify(rules);
            const allowed = [rulesIn(present, name), rulesIn(wanted, name)].map((rules) => JSON.stringify(rules));
            assert(allowed.includes(text), `${name} ${text} before ${change?.type}`);
          }
        }
        if (change !== undefined) kernel.apply(change);
      }
    }),
    { numRuns: 300 },
  );
});

test("a table does not differ from itself or a copy", () => {
  fc.assert(
    fc.property(tables, (table) => {
      assert.deepEqual(diffTables(table, table), []);
      assert.deepEqual(diffTables(structuredClone(table), table), []);
    }),
  );
});

test("batches hold every message once, in order, each within the limit, joined changes together", () => {
  fc.assert(
    fc.property(present, tables, fc.integer({ min: 3000, max: 20_000 }), (present, wanted, maxBytes) => {
      const changes = diffTables(present, wanted);
      const batches = encodeChanges(changes, { firstSequence: 7, maxBytes });
      let sequence = 7;
      for (const batch of batches) {
        const found = readMessages(batch.bytes);
        // Changes that belong together are never cut apart, however long they are.
        const isOneRun = batch.changes.slice(1).every(({ isJoined }) => isJoined === true);
        assert(batch.bytes.length <= maxBytes || isOneRun);
        assert.equal(found[0]?.type, messages.batchBegin);
        assert.equal(found.at(-1)?.type, messages.batchEnd);
        assert.deepEqual(
          found.map((message) => message.sequence),
          found.map((_, i) => sequence + i),
        );
        assert.equal(batch.firstSequence, sequence);
        assert.equal(batch.lastSequence, sequence + found.length - 2);
        assert.deepEqual(
          found.map(({ flags }) => (flags & 4) !== 0),
          found.map((_, i) => i === found.length - 2),
        );
        if (batch !== batches[0]) assert.notEqual(batch.changes[0]?.isJoined, true);
        sequence += found.length;
      }
      assert.deepEqual(
        batches.flatMap((batch) => batch.changes),
        changes,
      );
    }),
  );
});

const drop: Rule = makeRule([verdict("drop")]);
const forward: ChainHook = { type: "filter", hook: "forward", priority: 0, policy: "drop" };
const address = (text: string) => parseAddress(text) ?? assert.fail(text);

function table(parts: Partial<Table>): Table {
  return { family: "inet", name: "t", chains: [], sets: [], ...parts };
}

function brief(present: Table | undefined, wanted: Table): string[] {
  return diffTables(present, wanted).map(
    (change) =>
      `${change.isJoined === true ? "+" : ""}${change.type} ${describeChange(change).replace(/ ?(of )?table t$/, "")}`,
  );
}

test("a new table is made whole: sets, chains, maps, base chains last", () => {
  const wanted = table({
    chains: [
      { name: "forward", hook: forward, rules: [drop] },
      { name: "w", rules: [makeRule([family(4), addressIn("source", 4, "s"), verdict({ jump: "x" })]), drop] },
      { name: "x", rules: [] },
    ],
    sets: [interfaceMap("m", [["tt1", { type: "jump", chain: "w" }]]), addressSet("s", 4, [address("10.0.0.1")])],
  });
  assert.deepEqual(brief(undefined, wanted), [
    "putTable ",
    "createSet set m",
    "createSet set s",
    "addElements set s",
    "createChain chain w",
    "createChain chain x",
    "addRule rule of chain w",
    "addRule rule of chain w",
    "addElements set m",
    "createChain chain forward",
    "+addRule rule of chain forward",
  ]);
});

test("a change of members touches the set alone", () => {
  const chains = [{ name: "w", rules: [drop] }];
  const before = table({ chains, sets: [addressSet("s", 4, [address("10.0.0.1"), address("10.0.0.2")])] });
  const after = table({ chains, sets: [addressSet("s", 4, [address("10.0.0.2"), address("10.0.0.3")])] });
  const shape = { name: "s", keyType: ["ipv4_addr"], isInterval: false, isVerdictMap: false };
  assert.deepEqual(diffTables(before, after), [
    { table: "t", type: "deleteElements", set: shape, elements: [{ key: "0a000001" }] },
    { table: "t", type: "addElements", set: shape, elements: [{ key: "0a000003" }], isJoined: true },
  ]);
});

test("a chain with another rule is filled anew in one transaction, the others stay", () => {
  const other = { name: "other", rules: [drop] };
  const before = table({ chains: [{ name: "w", rules: [drop] }, other] });
  const after = table({ chains: [{ name: "w", rules: [drop, drop] }, other] });
  assert.deepEqual(brief(before, after), [
    "flushChain chain w",
    "+addRule rule of chain w",
    "+addRule rule of chain w",
  ]);
});

/** Chains that jump to shared ones, which differ in their rules. */
const sharing = fc
  .record({
    jumps: fc.tuple(...["a", "b", "c"].map((name) => fc.tuple(fc.constant(name), fc.constantFrom("s1", "s2", "s3")))),
    marks: fc.tuple(...["s1", "s2", "s3"].map((name) => fc.tuple(fc.constant(name), fc.nat(3)))),
  })
  .map(({ jumps, marks }) =>
    table({
      chains: [
        ...marks.map(([name, mark]) => ({ name, isClosedWhenEmpty: true, rules: [makeRule([testMark(mark)])] })),
        ...jumps.map(([name, chain]) => ({ name, rules: [makeRule([verdict({ jump: chain })]), drop] })),
      ],
    }),
  );

test("who jumps to a chain that is closed when it is empty meets its own rules there or none, never those of others", () => {
  fc.assert(
    fc.property(sharing, sharing, (present, wanted) => {
      const met = (kernel: ModelKernel, name: string) => {
        const [jump] = kernel.chains.get(name)?.rules[0]?.expressions ?? [];
        assert(jump?.type === "verdict" && "chain" in jump.verdict);
        return JSON.stringify(kernel.chains.get(jump.verdict.chain)?.rules);
      };
      const [before, after, kernel] = [present, wanted, present].map((one) => new ModelKernel(one));
      assert(before !== undefined && after !== undefined && kernel !== undefined);
      for (const change of diffTables(present, wanted)) {
        if (change.isJoined !== true)
          for (const name of ["a", "b", "c"])
            assert([met(before, name), met(after, name), "[]"].includes(met(kernel, name)), name);
        kernel.apply(change);
      }
    }),
    { numRuns: 300 },
  );
});

test("what an unknown hand added goes: rules, chains, sets", () => {
  const wanted = table({ chains: [{ name: "w", rules: [drop] }] });
  const tampered = table({
    chains: [
      { name: "w", rules: [drop, { expressions: [{ type: "unknown", name: "masq", data: "" }] }] },
      { name: "y", rules: [makeRule([verdict({ jump: "z" })])] },
      { name: "z", rules: [] },
    ],
    sets: [{ ...addressSet("f", 4, []), foreign: "flags 0x10" }],
  });
  assert.deepEqual(brief(tampered, wanted), [
    "flushChain chain w",
    "+addRule rule of chain w",
    "flushChain chain y",
    "deleteSet set f",
    "deleteChain chain y",
    "deleteChain chain z",
  ]);
});

test("a dormant table is woken", () => {
  assert.deepEqual(brief({ ...table({}), isDormant: true }, table({})), ["putTable "]);
});

test("a set of another type is made anew together with the rules that use it", () => {
  const rule = makeRule([family(4), addressIn("source", 4, "s"), verdict("accept")]);
  const before = table({
    chains: [{ name: "w", rules: [rule] }],
    sets: [{ ...addressSet("s", 4, [address("10.0.0.1")]), foreign: "flags 0x10" }],
  });
  const after = table({ chains: [{ name: "w", rules: [rule] }], sets: [addressSet("s", 4, [address("10.0.0.1")])] });
  assert.deepEqual(brief(before, after), [
    "+flushChain chain w",
    "+deleteSet set s",
    "+createSet set s",
    "+addElements set s",
    "+addRule rule of chain w",
  ]);
});

test("a chain that turns into a base chain has the table made anew, in one transaction", () => {
  const before = table({ chains: [{ name: "forward", rules: [drop] }] });
  const after = table({ chains: [{ name: "forward", hook: forward, rules: [drop] }] });
  assert.deepEqual(brief(before, after), [
    "deleteTable ",
    "+putTable ",
    "+createChain chain forward",
    "+addRule rule of chain forward",
  ]);
});

test("a base chain keeps its rules when its policy changes, and is made anew at another place", () => {
  const chain = { name: "forward", hook: forward, rules: [drop] };
  const before = table({ chains: [chain] });
  const at = (hook: Partial<ChainHook>) => table({ chains: [{ ...chain, hook: { ...forward, ...hook } }] });
  assert.deepEqual(brief(before, at({ policy: "accept" })), ["setChainPolicy chain forward"]);
  assert.deepEqual(brief(before, at({ priority: 10 })), [
    "flushChain chain forward",
    "+deleteChain chain forward",
    "+createChain chain forward",
    "+addRule rule of chain forward",
  ]);
});

test("elements that fit no batch are spread over several", () => {
  const addresses = Array.from({ length: 5000 }, (_, i) => address(`10.0.${i >> 8}.${i & 255}`));
  const changes = diffTables(undefined, table({ sets: [addressSet("s", 4, addresses)] }));
  const batches = encodeChanges(changes, { firstSequence: 1, maxBytes: 70_000 });
  assert.equal(batches.length, 2);
  for (const { bytes } of batches) assert(bytes.length <= 70_000);
});
