import assert from "node:assert/strict";
import { test } from "node:test";
import { type Labels, parseLabelSelector } from "./label-selector.ts";
import { StatusError } from "./status.ts";

const web: Labels = { app: "web", tier: "front", "example.org/count": "7" };

const cases: readonly (readonly [selector: string, holds: boolean])[] = [
  ["", true],
  ["app=web", true],
  ["app==web", true],
  [" app = web , tier = front ", true],
  ["app=api", false],
  ["app=", false],
  ["app!=web", false],
  ["app!=api", true],
  ["absent!=web", true],
  ["absent=", false],
  ["app", true],
  ["absent", false],
  ["!absent", true],
  ["! app", false],
  ["app in (api, web)", true],
  ["app in (api)", false],
  ["absent in (api)", false],
  ["app notin (api,db),tier=front", true],
  ["absent notin (api)", true],
  ["app notin (web)", false],
  ["example.org/count>6", true],
  ["example.org/count<7", false],
  ["app>1", false],
  ["constructor", false],
];

test("a label selector holds as it does in Kubernetes", () => {
  for (const [selector, holds] of cases) assert.equal(parseLabelSelector(selector)(web), holds, selector);
});

test("what is no label selector is refused", () => {
  for (const text of ["a b", "=", "a=b=c", "a in b", "a in (b", "a in (b))", ",", "a,", "a>b", "-a", "a=(b)"]) {
    assert.throws(
      () => parseLabelSelector(text),
      (error) => error instanceof StatusError && error.status.code === 400,
      text,
    );
  }
});

test("a long selector takes no long time", () => {
  const started = performance.now();
  for (const text of [`${"a".repeat(16_000)} `, ",".repeat(16_000), `a in (${",".repeat(16_000)}`]) {
    assert.throws(() => parseLabelSelector(`${text}(`));
  }
  assert.ok(performance.now() - started < 1000);
});
