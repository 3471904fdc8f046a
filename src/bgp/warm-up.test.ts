import assert from "node:assert/strict";
import { test } from "node:test";
import { warmUp } from "./warm-up.ts";

test("a small network is played to its end: every client is told of all routes of all others, each time", () => {
  const told = warmUp();
  const routes = 2 * 16 * 15 * 100;
  // 5 octets an IPv4 prefix and 17 an IPv6 one, announced and withdrawn, beside what messages have around them.
  const leastBytes = routes * 2 * (5 + 17);
  assert.ok(told > leastBytes && told < 1.5 * leastBytes, `${told} octets`);
});
