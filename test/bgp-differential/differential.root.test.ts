// Needs root: FRR changes its user. Runs in a network namespace of its own, as `node tools/test.ts root` makes one.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { hasOwnNamespace } from "../../src/kernel/testing/own-namespace.ts";
import { askSpeaker } from "./ask-speaker.ts";
import { makeBird } from "./bird.ts";
import { makeCase } from "./cases.ts";
import { describeRun } from "./describe-differences.ts";
import { type Finding, examine } from "./examine.ts";
import type { ForeignSpeaker } from "./foreign-speaker.ts";
import { makeFrr } from "./frr.ts";
import { makeGobgp } from "./gobgp.ts";

/** The whole run has 10,000, of which CI puts the first ones. */
const count = Number(process.env["TORTIE_DIFFERENTIAL_MESSAGES"] ?? 300);
const seed = Number(process.env["TORTIE_DIFFERENTIAL_SEED"] ?? 1);
const isWhole = count >= 10_000;

const isAlone = hasOwnNamespace();
const folder = mkdtempSync(join(tmpdir(), "tortie-differential-"));
const cases = Array.from({ length: count }, (_, at) => makeCase(seed, at + 1));
const ending = cases.filter(({ verdict }) => verdict.result === "error").length;
const findings = new Map<string, Finding>();

type Speaker = {
  readonly name: string;
  readonly path: string;
  /** Prints its version, BIRD on the error output. */
  readonly version: string;
  readonly make: (folder: string) => ForeignSpeaker;
};
const speakers: readonly Speaker[] = [
  { name: "BIRD", path: "/usr/sbin/bird", version: "bird --version", make: makeBird },
  { name: "FRR", path: "/usr/lib/frr/bgpd", version: "/usr/lib/frr/bgpd --version", make: makeFrr },
  { name: "GoBGP", path: "/usr/bin/gobgpd", version: "gobgpd --version", make: makeGobgp },
];

// The addresses of the speakers. Any address of the ranges is ours, so that each session can have one of its own.
const addresses = [1, 2, 3].map((last) => ["addr", `10.1.255.${last}/32`]);
const ranges = ["10.10.0.0/16", "10.20.0.0/16"].map((range) => ["route", "local", range]);

function changeNetwork(verb: "add" | "del"): void {
  if (!isAlone) return;
  for (const [kind = "", ...what] of [...addresses, ...ranges]) execFileSync("ip", [kind, verb, ...what, "dev", "lo"]);
}

before(() => changeNetwork("add"));

after(() => {
  rmSync(folder, { recursive: true, force: true });
  changeNetwork("del");
  if (!isWhole || findings.size < speakers.length) return;
  const [first, ...others] = [...findings.values()].map(({ disagreeing }) => new Set(disagreeing));
  const alone = others.reduce((left, other) => left.intersection(other), first ?? new Set<number>()).size;
  const bent = cases.filter(({ isBent }) => isBent).length;
  const page = describeRun({ seed, messages: count, bent, ending, alone, findings });
  writeFileSync("docs/reference/bgp-differences.md", page);
});

for (const { name, path, version, make } of speakers) {
  const reason = isAlone ? `${name} is not installed` : "not in a network namespace of its own";
  test(`${count} generated messages mean to us what they mean to ${name}, or the difference is explained`, {
    skip: !isWhole && (!isAlone || !existsSync(path)) ? reason : false,
    timeout: 3_600_000,
  }, async (t) => {
    assert.ok(isAlone && existsSync(path), reason);
    const speaker = make(folder);
    try {
      await speaker.start();
      const asked = cases.filter(({ dialect }) => speaker.takesPaths || !dialect.addPath4);
      const started = performance.now();
      const answers = await askSpeaker(speaker, asked, (line) => t.diagnostic(line));
      const finding = examine(speaker, asked, answers);
      const seconds = ((performance.now() - started) / 1000).toFixed(0);
      const { agreed, disagreeing, unexplained } = finding;
      t.diagnostic(
        `${name}: ${agreed} of ${asked.length} understood alike, ${disagreeing.length} explained in ${finding.byClass.size} classes, ${unexplained.length} unexplained, ${seconds} s`,
      );
      const hexOf = (number: number) => cases[number - 1]?.message.toHex();
      assert.deepEqual(
        unexplained.slice(0, 20).map((one) => ({ ...one, message: hexOf(one.number) })),
        [],
      );
      const text = execFileSync("sh", ["-c", `${version} 2>&1`], { encoding: "utf8" });
      findings.set(`${name} ${/\d+\.\d+[.\d]*/.exec(text)?.[0] ?? ""}`, finding);
    } finally {
      speaker.stop();
    }
  });
}

test("at least one message in fifty ends the session", () => {
  assert.ok(ending >= count / 50);
});
