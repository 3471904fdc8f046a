import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { formatResourceReference } from "./resource-reference.ts";

test("docs/reference/resources.md is what the kinds say (node tools/docs.ts writes it anew)", () => {
  assert.ok(readFileSync("docs/reference/resources.md", "utf8") === formatResourceReference());
});
