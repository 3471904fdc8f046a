import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { classes } from "./differences.ts";

test("the page on differences has every class with its explanation, and no other", () => {
  const page = readFileSync("docs/reference/bgp-differences.md", "utf8");
  const lines = page.split("\n").filter((line) => / (tortie|both) \| [^|]+ \|$/.test(line));
  assert.equal(lines.length, classes.length);
  for (const { speaker, sent, does, right, why } of classes) {
    const [start, end] = [`| ${sent} |`, `| ${does} | ${right} | ${why} |`];
    const found = lines.some((line) => line.startsWith(start) && line.endsWith(end));
    assert.ok(found, `${speaker}: ${sent}`);
  }
});

test("a class is told by its speaker and by what was sent", () => {
  assert.equal(new Set(classes.map(({ speaker, sent }) => `${speaker}: ${sent}`)).size, classes.length);
});

test("each explanation names an RFC with its section, but for what is no matter of the protocol", () => {
  for (const { sent, why } of classes) assert.ok(/RFC \d{4}/.test(why) || sent === "long lists", sent);
});
