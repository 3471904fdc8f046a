import assert from "node:assert/strict";
import test from "node:test";
import { TortieError } from "../lib/index.ts";
import { readSysctl, writeSysctl } from "./index.ts";
import { TestNamespace } from "./testing/test-namespace.ts";

test("a setting is changed in the namespace that is named, and in no other", () => {
  using one = new TestNamespace();
  using other = new TestNamespace();
  writeSysctl("net.ipv4.ip_forward", "1", { netns: one.path });
  writeSysctl("net/ipv4/ip_forward", "0", { netns: other.path });
  assert.equal(readSysctl("net/ipv4/ip_forward", { netns: one.path }), "1");
  assert.equal(readSysctl("net.ipv4.ip_forward", { netns: other.path }), "0");
});

test("the name of a link may have dots when slashes part the path", () => {
  using namespace = new TestNamespace();
  namespace.ip("link add eth0.7 type veth peer name peer");
  writeSysctl("net/ipv6/conf/eth0.7/forwarding", "1", { netns: namespace.path });
  assert.equal(readSysctl("net/ipv6/conf/eth0.7/forwarding", { netns: namespace.path }), "1");
});

test("a setting that is not there reads as undefined and is an error to write, unless it is optional", () => {
  assert.equal(readSysctl("net.ipv4.no_such_thing"), undefined);
  writeSysctl("net.ipv4.no_such_thing", "1", { isOptional: true });
  assert.throws(
    () => writeSysctl("net.ipv4.no_such_thing", "1"),
    (error) => error instanceof TortieError && error.fields["errno"] === "ENOENT",
  );
  assert.throws(() => readSysctl("net/../../etc/passwd"), /assertion failed/);
});
