import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Timers } from "./timers.ts";

test("timers are taken in the order of their times, none early, and moved or cleared ones as if they had been set so at first", () => {
  const command = fc.oneof(
    fc.record({ type: fc.constant("set" as const), name: fc.nat(30).map(String), atMs: fc.nat(1000) }),
    fc.record({ type: fc.constant("clear" as const), name: fc.nat(30).map(String) }),
    fc.record({ type: fc.constant("pass" as const), ms: fc.nat(100) }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      let nowMs = 0;
      const timers = new Timers(
        () => nowMs,
        () => undefined,
      );
      const wanted = new Map<string, number>();
      for (const command of commands) {
        if (command.type === "set") {
          timers.set(command.name, command.atMs);
          wanted.set(command.name, command.atMs);
        } else if (command.type === "clear") {
          timers.clear(command.name);
          wanted.delete(command.name);
        } else {
          nowMs += command.ms;
          let lastMs = -1;
          for (let name = timers.takeDue(); name !== undefined; name = timers.takeDue()) {
            const atMs = wanted.get(name) ?? assert.fail(`${name} is not set`);
            assert.ok(atMs <= nowMs && atMs >= lastMs);
            assert.ok([...wanted.values()].every((other) => other >= atMs));
            wanted.delete(name);
            lastMs = atMs;
          }
          assert.ok([...wanted.values()].every((atMs) => atMs > nowMs));
        }
      }
      timers.clearAll();
    }),
  );
});

test("the event loop wakes whoever waits for the earliest timer, and again for the next one", async () => {
  const taken: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const timers = new Timers(
    () => performance.now(),
    () => {
      for (let name = timers.takeDue(); name !== undefined; name = timers.takeDue()) taken.push(name);
      if (taken.length === 3) resolve();
    },
  );
  const start = performance.now();
  timers.set("third", start + 30);
  timers.set("second", start + 20);
  timers.set("never", start + 3_000_000_000);
  timers.set("cleared", start + 1);
  timers.set("first", start + 2);
  timers.clear("cleared");
  await promise;
  assert.deepEqual(taken, ["first", "second", "third"]);
  timers.clearAll();
});
