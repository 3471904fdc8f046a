import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { silentLogger } from "../lib/index.ts";
import { type Resource, kindDefinitions } from "../resources/index.ts";
import { Snapshot } from "./snapshot.ts";

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "tortie-snapshot-"));
});

after(async () => {
  await rm(folder, { recursive: true });
});

function examples(): Resource[] {
  return kindDefinitions.flatMap((definition) => {
    const decoded = definition.decode(definition.example);
    return decoded.ok ? [decoded.value] : [];
  });
}

async function saved(name: string): Promise<{ readonly snapshot: Snapshot; readonly path: string }> {
  const path = join(folder, name, "snapshot.jsonl");
  const snapshot = new Snapshot(path, silentLogger);
  await snapshot.save(examples());
  return { snapshot, path };
}

test("what was saved is loaded again, every kind of it, and only its owner may read it", async () => {
  const { snapshot, path } = await saved("whole");
  assert.deepEqual(await snapshot.load(), examples());
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("a snapshot of a big cluster is written in pieces and is the same", async () => {
  const path = join(folder, "big", "snapshot.jsonl");
  const snapshot = new Snapshot(path, silentLogger);
  const many = Array.from({ length: 100 }, examples).flat();
  await snapshot.save(many);
  assert.deepEqual(await snapshot.load(), many);
});

test("without a file there is no snapshot", async () => {
  assert.equal(await new Snapshot(join(folder, "nowhere", "snapshot.jsonl"), silentLogger).load(), undefined);
});

const damages: [name: string, damage: (path: string) => Promise<void>][] = [
  ["a line that is not JSON", (path) => replace(path, /\n\{"apiVersion"/, "\n{{")],
  ["an object that is not valid", (path) => replace(path, /"kind":"Node"/, '"kind":"Nonsense"')],
  ["another version", (path) => replace(path, /"version":1/, '"version":2')],
  ["a missing end", (path) => replace(path, /\{"end":true\}/, "")],
  ["nothing in it", (path) => writeFile(path, "")],
];

for (const [name, damage] of damages) {
  test(`a snapshot with ${name} is not used at all: what it leaves out could have been a refusal`, async () => {
    const { snapshot, path } = await saved(name.replaceAll(" ", "-"));
    await damage(path);
    assert.equal(await snapshot.load(), undefined);
  });
}

async function replace(path: string, what: RegExp, by: string): Promise<void> {
  const text = await readFile(path, "utf8");
  assert.match(text, what);
  await writeFile(path, text.replace(what, by));
}
