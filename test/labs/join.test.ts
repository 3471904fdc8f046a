import assert from "node:assert/strict";
import { test } from "node:test";
import { TestLab, tortie } from "./lab-harness.ts";

const lab = (fabric: string) => `
fabric: ${fabric}
hosts:
  - name: a
    workloads: [{ name: w }]
  - name: b
`;

for (const [name, fabric] of [
  ["segment", "{ type: segment }"],
  ["spines", "{ type: spines, count: 2 }"],
] as const) {
  test(`on ${name} every host joins by TLS over the fabric with a token of its own, and has no right but its own`, {
    timeout: 120_000,
  }, async () => {
    await using network = await TestLab.start("join", lab(fabric));
    const credentials = "/run/tortie-state/a/credentials.json";
    assert.equal(await network.run("a", "stat", "-c", "%a", credentials), "600\n");
    assert.equal((await network.exec("a", "ls", "/run/tortie-state/a/join-key.json")).status, 2);
    const asHost = (...words: string[]) =>
      network.exec("a", "env", "-u", "TORTIE_SERVER", "tortie", "--credentials", credentials, ...words);
    // Without TORTIE_SERVER the default names a socket; the URL is in the credentials.
    assert.match((await asHost("get", "nodes")).stdout, /^a /m);
    const refused = await asHost("delete", "node", "b");
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /"b" is forbidden: node "a" cannot delete nodes/);
    assert.match((await asHost("get", "secrets")).stderr, /node "a" cannot list secrets/);
    const log = (await tortie("lab", "logs", "--lab", network.name, "server")).stdout;
    const joins = log.split("\n").filter((line) => line.includes('"verb":"join"'));
    assert.deepEqual(joins.map((line) => `${JSON.parse(line).node} ${JSON.parse(line).outcome}`).toSorted(), [
      "a 201",
      "b 201",
    ]);
    const token = (await network.run("a", "cat", "/run/tortie-lab/a.token")).trim();
    assert.match(token, /^tortie-join\./);
    for (const place of ["server", "a", "b"]) {
      const { stdout } = await tortie("lab", "logs", "--lab", network.name, place);
      assert.ok(!stdout.includes(token.split(".")[2] ?? "none") && !stdout.includes("PRIVATE"));
    }
  });
}
