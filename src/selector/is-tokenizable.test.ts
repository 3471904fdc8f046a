import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isTokenizable } from "./is-tokenizable.ts";
import { parseSelector } from "./parse-selector.ts";

test("a text falls into words whatever their order", () => {
  for (const text of [
    "",
    "  ",
    "a",
    "a b c",
    "}{ ,)(",
    "a in",
    "a starts with",
    "has( a )",
    "all( ) global()",
    "== != && || !",
    "'it' \"is\"",
    "in in in",
    "a inside",
    "has (a)",
    "a".repeat(512),
  ]) {
    assert.ok(isTokenizable(text), text);
  }
});

test("what is no word is refused", () => {
  for (const text of ["a = b", "a & b", "a | b", "'open", "a == $", "a\n&& b", "has(", "has()", "all(a)", "a;b", "é"]) {
    assert.ok(!isTokenizable(text), text);
  }
  assert.ok(!isTokenizable("a".repeat(513)));
  assert.ok(!isTokenizable(`has(${"a".repeat(513)})`));
});

test("what parses falls into words", () => {
  const word = fc.constantFrom(
    "a",
    "has(a)",
    "all()",
    "==",
    "'x'",
    "in",
    "{",
    "}",
    ",",
    "(",
    ")",
    "&&",
    "||",
    "!",
    " ",
    "not in",
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (words) => {
      const text = words.join(" ");
      if (parseSelector(text).ok) assert.ok(isTokenizable(text), text);
    }),
  );
});
