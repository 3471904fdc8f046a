import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCidr } from "../lib/index.ts";
import { limit, log, reject, setMark, verdict } from "./actions.ts";
import { makeRule } from "./make-rule.ts";
import {
  address,
  addressPortIn,
  family,
  icmp,
  ifname,
  port,
  protocol,
  reversePath,
  testMark,
  unprivilegedSourcePort,
} from "./matches.ts";
import { addressPortSet, portSet } from "./sets.ts";

const cidr = (text: string) => parseCidr(text) ?? assert.fail(text);

test("a prefix of whole octets needs no mask", () => {
  assert.deepEqual(address("source", cidr("10.1.0.0/16")), [
    { type: "payload", base: "network", offset: 12, length: 2, register: 1 },
    { type: "compare", register: 1, operator: "==", data: "0a01" },
  ]);
  assert.deepEqual(address("destination", cidr("2001:db8::1/128"), { not: true }), [
    { type: "payload", base: "network", offset: 24, length: 16, register: 1 },
    { type: "compare", register: 1, operator: "!=", data: "20010db8000000000000000000000001" },
  ]);
});

test("other prefixes are masked, the empty one too", () => {
  assert.deepEqual(address("source", cidr("10.128.0.0/9"))[1], {
    type: "bitwise",
    source: 1,
    target: 1,
    mask: "ff800000",
    xor: "00000000",
  });
  assert.deepEqual(address("source", cidr("0.0.0.0/0")).slice(1), [
    { type: "bitwise", source: 1, target: 1, mask: "00000000", xor: "00000000" },
    { type: "compare", register: 1, operator: "==", data: "00000000" },
  ]);
});

test("an interface name is compared with its end, a prefix without", () => {
  assert.deepEqual(ifname("out", "eth0")[1], {
    type: "compare",
    register: 1,
    operator: "==",
    data: "65746830000000000000000000000000",
  });
  assert.deepEqual(ifname("in", "tt", { isPrefix: true, not: true })[1], {
    type: "compare",
    register: 1,
    operator: "!=",
    data: "7474",
  });
  assert.throws(() => ifname("in", "a-name-of-16-chr"), /interface name/);
});

test("a port range is two comparisons, its negation one range", () => {
  assert.deepEqual(port("destination", 80, 90).slice(1), [
    { type: "compare", register: 1, operator: ">=", data: "0050" },
    { type: "compare", register: 1, operator: "<=", data: "005a" },
  ]);
  assert.deepEqual(port("destination", 80, 90, { not: true })[1], {
    type: "range",
    register: 1,
    from: "0050",
    to: "005a",
    isNot: true,
  });
});

test("type and code of ICMP are negated together", () => {
  assert.deepEqual(icmp(6, { type: 128, code: 0 }, { not: true }).slice(2), [
    { type: "payload", base: "transport", offset: 0, length: 2, register: 1 },
    { type: "compare", register: 1, operator: "!=", data: "8000" },
  ]);
});

test("mark bits are host order, and those outside the mask stay", () => {
  assert.deepEqual(setMark(0x10000, 0xf0000)[1], {
    type: "bitwise",
    source: 1,
    target: 1,
    mask: "fffff0ff",
    xor: "00000100",
  });
  assert.deepEqual(testMark(0x80000000)[2], { type: "compare", register: 1, operator: "==", data: "00000080" });
});

test("the fields of a concatenated key lie 4 octets apart", () => {
  const { elements } = addressPortSet("s", 4, [
    { address: "10.0.0.1" as never, protocol: 17, port: 53 },
    { address: "10.0.0.1" as never, protocol: 17, port: 53 },
  ]);
  assert.deepEqual(elements, [{ key: "0a0000011100000000350000" }]);
  const registers = (version: 4 | 6) =>
    addressPortIn("source", version, "s").map((expression) => "register" in expression && expression.register);
  assert.deepEqual(registers(4), [1, 9, 10, 1]);
  assert.deepEqual(registers(6), [1, 2, 13, 1]);
});

test("port ranges that touch become one", () => {
  const { elements } = portSet("p", [
    { low: 90, high: 65_535 },
    { low: 80, high: 89 },
  ]);
  assert.deepEqual(elements, [{ key: "0050", last: "ffff" }]);
});

test("a rule that reads a header it may not have is a bug", () => {
  assert.throws(() => makeRule([address("source", cidr("10.0.0.0/8")), verdict("accept")]));
  assert.throws(() => makeRule([port("source", 80), verdict("accept")]));
  makeRule([family(4), address("source", cidr("10.0.0.0/8")), protocol(6), port("source", 80), verdict("accept")]);
  makeRule([family(6), addressPortIn("source", 6, "s"), verdict("accept")]);
});

test("a long comment is cut between characters", () => {
  const { comment } = makeRule([verdict("drop")], "é".repeat(100));
  assert.equal(comment, "é".repeat(63));
  assert.equal(makeRule([verdict("drop")]).comment, undefined);
  assert.equal(makeRule([verdict("drop")], 'a "name"\n').comment, "a 'name' ");
});

test("defaults are those that the kernel fills in", () => {
  assert.deepEqual(log({ prefix: "x" }), [{ type: "log", prefix: "x", level: 4 }]);
  assert.deepEqual(limit({ rate: 1, unit: "minute" }), [
    { type: "limit", rate: 1, unitSeconds: 60, burst: 5, per: "packets", isOver: false },
  ]);
  assert.deepEqual(reject(), [{ type: "reject", with: "icmpx", code: 1 }]);
  assert.deepEqual(reversePath({ isMissing: true })[1], {
    type: "compare",
    register: 1,
    operator: "==",
    data: "00000000",
  });
});

test("whether a source port is one that anybody may use is told by one look at 4 octets", () => {
  const [load, mask, test] = unprivilegedSourcePort();
  assert.deepEqual(load, { type: "payload", base: "transport", offset: 0, length: 4, register: 1 });
  assert.equal(mask?.type === "bitwise" && mask.mask, "fc000000");
  assert.deepEqual(test, { type: "compare", register: 1, operator: "!=", data: "00000000" });
  makeRule([protocol(17), unprivilegedSourcePort(), verdict("return")]);
  assert.throws(() => makeRule([unprivilegedSourcePort(), verdict("return")]));
});
