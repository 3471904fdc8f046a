import assert from "node:assert/strict";
import test from "node:test";
import { TortieError } from "../lib/index.ts";
import { type LoggerOptions, createLogger } from "./index.ts";

function collect(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const now = () => new Date("2031-02-03T04:05:06.007Z");
  return { lines, log: createLogger({ level: "info", format: "json", write, now, ...options }) };
}

test("a JSON line has time, level, text and fields, those of parents included", () => {
  const { lines, log } = collect();
  log.child({ peer: "10.0.0.1" }).child({ family: 4 }).info("session up", { holdTimeMs: 9000, none: undefined });
  assert.deepEqual(lines, [
    '{"time":"2031-02-03T04:05:06.007Z","level":"info","text":"session up","peer":"10.0.0.1","family":4,"holdTimeMs":9000}\n',
  ]);
});

test("nothing below the level is written", () => {
  const { lines, log } = collect({ level: "warn" });
  log.error("a");
  log.warn("b");
  log.info("c");
  log.debug("d");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).text),
    ["a", "b"],
  );
});

test("a value named like a secret never gets out, however deep it lies", () => {
  for (const format of ["json", "pretty"] as const) {
    const { lines, log } = collect({ format });
    const error = new TortieError("TT_CONFIG", "no", { fields: { md5Password: "hunter2" } });
    log.child({ apiToken: "hunter2" }).error("x", {
      peer: { password: "hunter2", list: [{ clientSecret: "hunter2" }] },
      map: new Map([["TOKEN", "hunter2"]]),
      error,
    });
    assert.ok(!lines.join("").includes("hunter2"), format);
    assert.ok(lines.join("").includes("[hidden]"));
  }
});

test("an error is written with its code, its fields and its cause", () => {
  const { lines, log } = collect();
  const cause = Object.assign(new Error("connect failed"), { code: "ECONNREFUSED" });
  log.warn("lost", { error: new TortieError("TT_KERNEL", "no route", { cause, fields: { errno: "EINVAL" } }) });
  assert.deepEqual(JSON.parse(lines[0]!).error, {
    message: "no route",
    code: "TT_KERNEL",
    fields: { errno: "EINVAL" },
    hint: "",
    cause: { message: "connect failed", code: "ECONNREFUSED" },
  });
});

test("what JSON cannot hold is written all the same", () => {
  const { lines, log } = collect();
  const loop: Record<string, unknown> = { big: 1n, set: new Set([1]) };
  loop["self"] = loop;
  log.info("odd", { loop, time: "not the time" });
  assert.deepEqual(JSON.parse(lines[0]!), {
    time: "2031-02-03T04:05:06.007Z",
    level: "info",
    text: "odd",
    loop: { big: "1", set: [1], self: "[...]" },
  });
});

test("a pretty line is for eyes", () => {
  const { lines, log } = collect({ format: "pretty" });
  log.info("route added", { prefix: "10.0.0.0/26", note: "two words", hops: ["a"] });
  assert.deepEqual(lines, ['04:05:06.007 INFO  route added prefix=10.0.0.0/26 note="two words" hops=["a"]\n']);
});
