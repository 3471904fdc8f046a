import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { diffText } from "./diff-text.ts";

test("a difference is told with the lines around it", () => {
  const old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
  assert.equal(
    diffText("x", old, old.replace("5", "five")),
    "--- x (as it is)\n+++ x (as it would be)\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8",
  );
  assert.equal(diffText("x", old, old), "");
});

test("the difference leads from the one text to the other", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(text, text, (old, next) => {
      const lines = diffText("x", old.join("\n"), next.join("\n"))
        .split("\n")
        .filter((line) => /^[ +-][abc]$/.test(line));
      if (lines.length === 0) return assert.deepEqual(old, next);
      // All is context here: the texts are short.
      const [before, after] = ["-", "+"].map((sign) => lines.filter((line) => " " === line[0] || sign === line[0]));
      assert.ok(old.join("").includes(before!.map((line) => line[1]).join("")));
      assert.ok(next.join("").includes(after!.map((line) => line[1]).join("")));
    }),
  );
});
