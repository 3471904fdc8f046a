import assert from "node:assert/strict";
import { test } from "node:test";
import { printJsonList, printTable } from "./print-rows.ts";

async function* numbers(count: number): AsyncGenerator<readonly string[], void, void> {
  for (let i = 1; i <= count; i++) yield [String(i), i === 2_500 ? "a cell wider than those before" : "x", "end"];
}

test("a short table is aligned over all its rows", async () => {
  let text = "";
  const print = (more: string) => {
    text += more;
    return true;
  };
  await printTable(["NUMBER", "B", "C"], numbers(2), print);
  assert.equal(text, "NUMBER   B   C\n1        x   end\n2        x   end\n");
});

test("a table of 100,000 rows is printed in pieces, none of which is large", async () => {
  let lines = 0;
  let longest = 0;
  const count = await printTable(["NUMBER", "B", "C"], numbers(100_000), (text) => {
    lines += text.split("\n").length - 1;
    longest = Math.max(longest, text.length);
    return true;
  });
  assert.equal(count, 100_000);
  assert.equal(lines, 100_001);
  assert.ok(longest < 1 << 17, `a piece of ${longest} characters`);
});

test("printing ends when nobody reads any more", async () => {
  let pieces = 0;
  const count = await printTable(["NUMBER", "B", "C"], numbers(100_000), () => {
    pieces += 1;
    return false;
  });
  assert.equal(pieces, 1);
  assert.ok(count < 10_000);
});

test("a list of JSON is an array with one value a line", async () => {
  for (const count of [0, 1, 3, 20_000]) {
    let text = "";
    await printJsonList(numbers(count), (more) => {
      text += more;
      return true;
    });
    assert.equal(JSON.parse(text).length, count);
    assert.equal(text.split("\n").length, count + 3);
  }
});
