import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTable } from "./format-table.ts";

test("columns are as wide as their widest cell and no line ends in blanks", () => {
  assert.equal(
    formatTable(
      ["NAME", "NODE", "AGE"],
      [
        ["web", "host-a", "3s"],
        ["database", "b", ""],
      ],
    ),
    "NAME       NODE     AGE\nweb        host-a   3s\ndatabase   b",
  );
});
