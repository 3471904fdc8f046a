import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "../lib/index.ts";
import { openLineFile } from "./line-file.ts";

test("lines are in the file by the end of the turn, and the file of the run before is kept beside it", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "tortie-lines-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "recording");
  {
    using file = openLineFile(path, silentLogger);
    file.write("one");
    file.write("two");
    assert.equal(readFileSync(path, "utf8"), "");
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
    file.write("x".repeat(1 << 16));
    assert.equal(readFileSync(path, "utf8").length, 8 + (1 << 16) + 1);
    file.write("last");
  }
  assert.match(readFileSync(path, "utf8"), /x\nlast\n$/);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  {
    using _file = openLineFile(path, silentLogger);
  }
  assert.equal(readFileSync(path, "utf8"), "");
  assert.match(readFileSync(`${path}.1`, "utf8"), /last\n$/);
});

test("a file that cannot be made is told with its name", () => {
  assert.throws(() => openLineFile("/nowhere/at/all", silentLogger), /\/nowhere\/at\/all cannot be written/);
});
