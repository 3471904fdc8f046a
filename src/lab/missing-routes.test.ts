import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cidr, parseCidr } from "../lib/index.ts";
import { missingRoutes } from "./missing-routes.ts";

const cidr = (text: string): Cidr => parseCidr(text) ?? assert.fail(text);

test("a host needs the blocks of others, not its own, and exactly those prefixes", () => {
  const blocks = [
    { host: "a", cidr: cidr("10.65.0.0/26") },
    { host: "b", cidr: cidr("10.65.0.64/26") },
    { host: "b", cidr: cidr("fd00:65::40/122") },
  ];
  const prefixesByHost = new Map([
    ["a", new Set([cidr("10.65.0.64/26"), cidr("fd00:65::/64")])],
    ["b", new Set([cidr("10.65.0.0/26")])],
    ["c", new Set([cidr("0.0.0.0/0")])],
  ]);
  assert.deepEqual(
    missingRoutes(prefixesByHost, blocks).map(({ host, block }) => `${host} ${block.cidr}`),
    ["a fd00:65::40/122", "c 10.65.0.0/26", "c 10.65.0.64/26", "c fd00:65::40/122"],
  );
});
