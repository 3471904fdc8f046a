import assert from "node:assert/strict";
import { test } from "node:test";
import { attributes as attr, prefix, update } from "../bgp-fuzz/wire.ts";
import type { Answer } from "./ask-speaker.ts";
import { type Case, caseOf } from "./cases.ts";
import { examine } from "./examine.ts";
import type { Facts } from "./facts.ts";

const external: Case["dialect"] = {
  isInternal: false,
  isFourOctetAs: true,
  peerAs: 65001,
  hasIpv4: true,
  hasIpv6: true,
  addPath4: false,
  addPath6: false,
  hasExtendedNextHop: false,
  hasExtendedMessages: false,
};
const gobgp = { name: "gobgp", hasFacts: ["origin", "med"], hasPathIds: true } as const;
const plain = [attr.origin(0), attr.asPath(["sequence", 65001]), attr.nextHop("192.0.2.7"), attr.med(5)];
const nlri = [prefix("20.0.1.0/25")];
const make = (fields: Parameters<typeof update>[0]) =>
  caseOf({ number: 1, dialect: external, isBent: false, message: update(fields) });
const good = make({ attributes: plain, nlri });
const key = "20.0.1.0/25";

function examineOne(one: Case, answer: Answer) {
  const { agreed, byClass, unexplained } = examine(gobgp, [one], new Map([[1, answer]]));
  return { agreed, classes: [...byClass.keys()], unexplained: unexplained.map(({ about, theirs }) => [about, theirs]) };
}

function answerWith(one: Case, change: (routes: Map<string, Facts>) => void): Answer {
  const routes = new Map(one.expected);
  change(routes);
  return { type: "routes", routes };
}

test("a speaker that believes what we do agrees", () => {
  assert.deepEqual(
    examineOne(
      good,
      answerWith(good, () => {}),
    ),
    { agreed: 1, classes: [], unexplained: [] },
  );
});

test("a route too few, another attribute, an end, a death and a silence are disagreements that need an explanation", () => {
  const answers: [Answer, about: string, theirs: string][] = [
    [answerWith(good, (routes) => routes.delete("20.0.1.128/26")), "route", "absent"],
    [answerWith(good, (routes) => routes.set("20.0.1.4/32", {})), "route", "present"],
    [answerWith(good, (routes) => routes.set(key, { ...routes.get(key), med: 6 })), "med", "6"],
    [{ type: "ended", notification: "3/1" }, "session", "ends 3/1"],
    [{ type: "ended", notification: undefined }, "session", "ends without a word"],
    [{ type: "died" }, "session", "died"],
    [{ type: "stuck" }, "session", "stuck"],
  ];
  for (const [answer, about, theirs] of answers)
    assert.deepEqual(examineOne(good, answer), { agreed: 0, classes: [], unexplained: [[about, theirs]] });
});

test("facts that a speaker does not tell of are not compared", () => {
  const answer = answerWith(good, (routes) => routes.set(key, { ...routes.get(key), asPath: "1 2 3" }));
  assert.equal(examineOne(good, answer).agreed, 1);
});

test("a disagreement of a known class is explained, for that speaker alone", () => {
  const both = make({ withdrawn: nlri, attributes: plain, nlri });
  const answer = answerWith(both, (routes) => routes.delete(key));
  const { classes, unexplained } = examineOne(both, answer);
  assert.deepEqual([classes, unexplained], [["a prefix both withdrawn and announced"], []]);
  const bird = { ...gobgp, name: "bird" };
  assert.equal(examine(bird, [both], new Map([[1, answer]])).unexplained.length, 1);
});

test("a session that ends for a message that ends it is agreement only with the same word", () => {
  const bad = make({ attributes: plain, nlri: [Uint8Array.of(33, 1, 2, 3, 4, 5)] });
  assert.equal(examineOne(bad, { type: "ended", notification: "3/10" }).agreed, 1);
  assert.deepEqual(examineOne(bad, { type: "ended", notification: "3/1" }).classes, [
    "prefixes that cannot be read, or several errors at once",
  ]);
});

test("paths of one prefix are compared side by side where identifiers are not shown", () => {
  const one = {
    ...good,
    expected: new Map([
      ["p#1", { med: 1 }],
      ["p#2", { med: 2 }],
    ]),
  };
  const blind = { ...gobgp, hasPathIds: false };
  const ask = (...meds: number[]) =>
    examine(
      blind,
      [one],
      new Map([[1, { type: "routes", routes: new Map(meds.map((med, at) => [`p#${at}`, { med }])) }]]),
    ).agreed;
  assert.deepEqual([ask(2, 1), ask(1, 2), ask(1), ask(1, 1)], [1, 1, 0, 0]);
});
