import assert from "node:assert/strict";
import { test } from "node:test";
import { writeRouteRefresh } from "./message.ts";
import { Script } from "./testing/script.ts";
import { address, route } from "./testing/values.ts";

const ask = writeRouteRefresh("ipv4-unicast");

/** A session of both families with a few routes of our own told, and what was said in it by then. */
function established(more: object = {}) {
  const script = new Script({ families: ["ipv4-unicast", "ipv6-unicast"] }, { nextHop6: address("2001:db8::1") });
  script.input({
    type: "originate",
    routes: [route("10.1.0.0/24"), route("fd00:1::/64")],
  });
  const session = script.establish({ families: ["ipv4-unicast", "ipv6-unicast"], ...more });
  script.wait(100);
  const before = script.said.get(session)?.length ?? 0;
  /** How many messages of a type came since. */
  const count = (type: string) => (script.said.get(session) ?? []).slice(before).filter((said) => said === type).length;
  return { script, session, count };
}

test("a refresh is answered at once", () => {
  const { script, session, count } = established();
  script.send(session, ask);
  assert.equal(count("2"), 1);
});

test("a peer that asks a thousand times in a second is answered twice", () => {
  const { script, session, count } = established();
  for (let i = 0; i < 1000; i++) {
    script.send(session, ask);
    script.wait(0.9);
  }
  script.wait(5000);
  assert.equal(count("2"), 2);
});

test("a peer that never ceases to ask is answered once a second", () => {
  const { script, session, count } = established();
  for (let i = 0; i < 500; i++) {
    script.send(session, ask);
    script.wait(20);
  }
  script.wait(2000);
  assert.ok(count("2") <= 11 && count("2") >= 9, `${count("2")} answers`);
});

test("one family does not wait for the other", () => {
  const { script, session, count } = established();
  script.send(session, ask, ask, ask, writeRouteRefresh("ipv6-unicast"));
  assert.equal(count("2"), 2);
});

test("while an answer is on its way all further requests come to one more", () => {
  const { script, session, count } = established({ hasEnhancedRefresh: true });
  script.input({ type: "blocked", connection: session });
  script.send(session, ask);
  for (let i = 0; i < 10; i++) {
    script.wait(1500);
    script.send(session, ask);
  }
  assert.equal(count("2"), 0);
  script.input({ type: "drained", connection: session });
  script.wait(5000);
  assert.equal(count("2"), 2);
  // Each between its two marks.
  assert.equal(count("5"), 4);
});

test("nothing of it outlives the session", () => {
  const { script, session } = established();
  script.send(session, ask, ask);
  script.lose(session);
  assert.ok(![...script.timers.keys()].some((timer) => timer.includes("answer")));
  const next = script.establish();
  const before = script.said.get(next)?.length ?? 0;
  script.send(next, ask);
  assert.ok((script.said.get(next)?.length ?? 0) > before);
});
