import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCase } from "./cases.ts";

const cases = Array.from({ length: 300 }, (_, at) => makeCase(1, at + 1));

test("a seed and a number always make the same case", () => {
  assert.deepEqual(makeCase(1, 17), cases[16]);
  assert.notDeepEqual(makeCase(2, 17).message, cases[16]?.message);
});

test("every message is an UPDATE of the length that its header tells", () => {
  for (const { message } of cases) {
    assert.equal(message[18], 2);
    assert.equal((message[16] ?? 0) * 256 + (message[17] ?? 0), message.length);
  }
});

test("no two cases speak of the same prefixes, and all of a case are known before its message", () => {
  const told = cases.flatMap((one) => [...one.told.keys()]);
  assert.equal(new Set(told).size, told.length);
  assert.equal(told.length, cases.length * 8);
  for (const one of cases.filter(({ isBent }) => !isBent)) {
    for (const key of [...one.verdict.announced.keys(), ...one.verdict.withdrawn])
      assert.ok(one.told.has(`${key.split("#")[0]}${key.includes("#") ? "#0" : ""}`), key);
  }
});

test("what is not bent is read without a complaint, and of the bent ones all sorts of outcomes come about", () => {
  for (const { isBent, verdict, number } of cases) if (!isBent) assert.equal(verdict.result, "ok", `${number}`);
  assert.deepEqual(
    new Set(cases.map(({ verdict }) => verdict.result)),
    new Set(["ok", "discard", "withdraw", "error"]),
  );
});
