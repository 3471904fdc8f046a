import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { type IpAddress, parseAddress } from "../lib/index.ts";
import { openFlowSocket } from "./flow-socket.ts";
import { requireOwnNamespace } from "./testing/own-namespace.ts";

// In the namespace that the whole run has for itself: its loopback, with addresses and a table of its own.
requireOwnNamespace();

const ip = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);

async function sendUdp(from: string, to: string): Promise<void> {
  const socket = createSocket(from.includes(":") ? "udp6" : "udp4");
  socket.bind(0, from);
  await once(socket, "listening");
  await new Promise<void>((resolve) => socket.send("x", 9, to, () => resolve()));
  socket.close();
}

for (const [own, other] of [
  ["127.7.7.1", "127.7.7.2"],
  ["fd77::1", "fd77::2"],
] as const) {
  test(`the connections from and to ${own} are found and ended, others go on`, async () => {
    const addresses = [own, other, own.replace(/1$/, "3")];
    if (own.includes(":"))
      for (const a of addresses) execFileSync("ip", ["addr", "add", `${a}/128`, "dev", "lo", "nodad"]);
    execFileSync("ip", ["link", "set", "lo", "up"]);
    execFileSync("nft", [
      "add table inet flows; add chain inet flows c { type filter hook output priority 0; }; add rule inet flows c ct state new counter",
    ]);
    using flows = openFlowSocket();
    try {
      await sendUdp(own, other);
      await sendUdp(other, own);
      await sendUdp(other, addresses[2]!);
      const from = await flows.dump({ direction: "original", source: ip(own) });
      assert.deepEqual(
        from.map(({ original, reply }) => [original.source, original.destination, original.protocol, reply.source]),
        [[own, other, 17, other]],
      );
      assert.equal(from[0]!.original.ports?.[1], 9);
      const to = await flows.dump({ direction: "reply", source: ip(own) });
      assert.deepEqual(
        to.map(({ original }) => [original.source, original.destination]),
        [[other, own]],
      );
      assert.equal(await flows.cut([...from, ...to]), 2);
      // Once more: they are gone, and that is no failure.
      assert.equal(await flows.cut([...from, ...to]), 0);
      const rest = await flows.dump({ version: own.includes(":") ? 6 : 4 });
      assert.equal(rest.filter(({ original }) => [original.source, original.destination].includes(ip(own))).length, 0);
      assert.equal(rest.filter(({ original }) => original.destination === addresses[2]).length, 1);
    } finally {
      execFileSync("nft", ["delete table inet flows"]);
      if (own.includes(":")) for (const a of addresses) execFileSync("ip", ["addr", "del", `${a}/128`, "dev", "lo"]);
    }
  });
}
