import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sysctl } from "../dataplane/index.ts";
import { readSysctl, writeSysctl } from "../kernel/index.ts";
import type { Link } from "../netlink/index.ts";
import { SysctlWriter } from "./sysctl-writer.ts";

const path = "net/ipv4/conf/lo/rp_filter";
const setting: Sysctl = { path, value: "1", link: "lo" };

function links(index: number, more: Partial<Link> = {}): ReadonlyMap<number, Link> {
  const link = { index, name: "lo", mac: "00:00:00:00:00:00", mtu: 1500, isUp: true, isRunning: true, group: 0 };
  return new Map([[index, { ...link, ...more }]]);
}

/** Whether the writer looks at the setting, which somebody has changed. */
function isLookedAt(writer: SysctlWriter): boolean {
  writeSysctl(path, "0");
  assert.deepEqual(writer.write([setting]), []);
  return readSysctl(path) === "1";
}

test("a setting is looked at once, and again when its link is another or has lost its settings", () => {
  const writer = new SysctlWriter();
  assert.ok(isLookedAt(writer));
  assert.ok(!isLookedAt(writer));
  writer.onLinks(links(1), links(1, { isUp: false, isRunning: false }));
  assert.ok(!isLookedAt(writer));
  for (const after of [links(2), links(1, { name: "other" }), links(1, { mtu: 1000 }), new Map<number, Link>()]) {
    writer.onLinks(links(1), after);
    assert.ok(isLookedAt(writer));
  }
  writer.forgetAll();
  assert.ok(isLookedAt(writer));
});

test("a setting that cannot be written is named, and tried again", () => {
  const writer = new SysctlWriter();
  const wrong: readonly Sysctl[] = [{ path: "net/ipv4/conf/nobody/rp_filter", value: "1", link: "nobody" }, setting];
  for (let time = 0; time < 2; time++) {
    const failures = writer.write(wrong);
    assert.equal(failures.length, 1);
    assert.match(failures[0] ?? "", /conf\/nobody/);
  }
});
