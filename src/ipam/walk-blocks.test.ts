import assert from "node:assert/strict";
import { test } from "node:test";
import { cidrContains } from "../lib/index.ts";
import { handleName } from "./handle-name.ts";
import { cidr } from "./testing/objects.ts";
import { walkBlocks } from "./walk-blocks.ts";

test("a walk meets every block of the pool once, in circular order", () => {
  for (const [text, blockSize] of [
    ["10.0.0.0/20", 26],
    ["fd00::/116", 122],
    ["10.0.0.0/26", 26],
  ] as const) {
    const walk = [...walkBlocks({ cidr: cidr(text), blockSize }, "n1", 0)];
    assert.equal(new Set(walk).size, 2 ** (blockSize - Number(text.split("/")[1])));
    assert.ok(walk.every((block) => cidrContains(cidr(text), block)));
  }
});

test("a host starts at the same place every time, and hosts spread over the pool", () => {
  const starts = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const first = () => walkBlocks({ cidr: cidr("10.0.0.0/8"), blockSize: 26 }, `node-${i}`, i).next().value as string;
    assert.equal(first(), first());
    starts.add(first());
  }
  assert.ok(starts.size > 195);
});

test("blocks of one address are tried from a place that changes with time", () => {
  const pool = { cidr: cidr("10.0.0.0/16"), blockSize: 32 };
  const starts = Array.from({ length: 20 }, (_, nowMs) => walkBlocks(pool, "n", nowMs).next().value);
  assert.ok(new Set(starts).size > 10);
});

test("the walk of a pool of 2^58 blocks begins at once and stays inside", () => {
  const pool = { cidr: cidr("fd00::/64"), blockSize: 122 };
  const walk = walkBlocks(pool, "n", 0);
  for (let i = 0; i < 100; i++) assert.ok(cidrContains(pool.cidr, walk.next().value!));
});

test("a handle that is no legal name gets one of its own", () => {
  assert.equal(handleName("net.0123abc"), "net.0123abc");
  assert.match(handleName("Net/A"), /^net-a-[0-9a-f]{16}$/);
  assert.notEqual(handleName("Net/A"), handleName("net/a"));
  assert.match(handleName("__"), /^[0-9a-f]{16}$/);
  assert.ok(handleName("x".repeat(300)).length <= 253);
});
