import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readLabFile } from "./read-lab-file.ts";

const examples = fileURLToPath(new URL("../../examples/lab", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "tortie-lab-file-"));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test("every example is right, and is found by its name alone", () => {
  const names = readdirSync(examples).map((file) => file.replace(".yaml", ""));
  assert.deepEqual(names.toSorted(), ["segment", "spines", "tenants"]);
  for (const name of names) {
    const { lab, path } = readLabFile(name);
    assert.equal(lab.name, name);
    assert.equal(path, join(examples, `${name}.yaml`));
  }
});

test("a mistake is told with its file, its place and what to do", () => {
  const cases: [text: string, message: RegExp, hint: RegExp][] = [
    ["name: x\nhosts: [{ name: a, name: b }]\n", /x\.yaml, line 2, column 20: not YAML: /, /mend the line/],
    [
      "name: x\nhosts:\n  - { name: A }\n",
      /x\.yaml: hosts\[0\]\.name: "A" is not allowed here \(1 to 15 lower-case/,
      /^$/,
    ],
    ["name: x\n", /x\.yaml: hosts: there is none \(name at least one/, /^$/],
    ["", /x\.yaml: null is no mapping/, /^$/],
  ];
  for (const [text, message, hint] of cases) {
    assert.throws(() => readLabFile(write("x.yaml", text)), { code: "TT_CONFIG", message, hint }, text);
  }
  assert.throws(() => readLabFile("no-such-lab"), {
    code: "TT_CONFIG",
    message: /no-such-lab cannot be read/,
    hint: /examples/,
  });
});
