import assert from "node:assert/strict";
import { test } from "node:test";
import { writeKeepalive, writeOpenMessage } from "./message.ts";
import { SpeakerCore } from "./speaker-core.ts";
import type { SpeakerInput, SpeakerOutput } from "./steps.ts";
import { emptyPath, openOf, origin, update } from "./testing/messages.ts";
import { address, peerAt } from "./testing/values.ts";

const global = "20010db8 00000000 00000000 00000042";
const onLink = "fe800000 00000000 00000000 00000001";
const route = "40 fd00 0001 0000 0000";

/** A speaker that minds the ways to next hops, with neighbours of the same link-local address on several links. */
function speakerOn(links: readonly string[]) {
  const core = new SpeakerCore({ isRestart: false, random: () => 1 });
  const said: SpeakerOutput[] = [];
  const step = (input: SpeakerInput) => {
    for (const output of core.step(input, 0)) {
      said.push(output);
      if (output.type === "wantTurn") step({ type: "turn" });
    }
  };
  step({
    type: "configure",
    config: {
      localAs: 64512,
      routerId: address("192.0.2.1"),
      listenPort: 179,
      restartTimeSeconds: 120,
      exportWithin: "all",
      hasNextHopTracking: true,
      peers: links.map((linkName) => peerAt("fe80::1", { name: linkName, linkName, isPassive: true })),
    },
  });
  step({ type: "originate", routes: [] });
  for (const [i, linkName] of links.entries()) {
    const localAddress = address("fe80::9");
    step({
      type: "accepted",
      connection: linkName,
      localAddress,
      remoteAddress: address("fe80::1"),
      linkName,
    });
    const open = openOf({
      routerId: address(`192.0.2.${10 + i}`),
      families: ["ipv6-unicast"],
    });
    for (const bytes of [writeOpenMessage(open), writeKeepalive()])
      step({ type: "bytes", connection: linkName, bytes });
  }
  const announce = (linkName: string, nextHops: string) => {
    const size = nextHops.replaceAll(" ", "").length / 2;
    const nlri = `0002 01 ${size.toString(16)} ${nextHops} 00 ${route}`;
    const length = (nlri.replaceAll(" ", "").length / 2).toString(16);
    const attributes = `${origin} ${emptyPath} 40 05 04 00000064 80 0e ${length} ${nlri}`;
    step({
      type: "bytes",
      connection: linkName,
      bytes: update("", attributes, ""),
    });
  };
  return { core, said, announce };
}

test("over an unnumbered link nobody need have a way to the global next hop", () => {
  for (const nextHops of [`${global} ${onLink}`, `${"00".repeat(16)} ${onLink}`, onLink]) {
    const { core, said, announce } = speakerOn(["eth0"]);
    announce("eth0", nextHops);
    const [row] = core.routes();
    assert.deepEqual(
      row?.paths.map(({ isBest, igpCost }) => [isBest, igpCost]),
      [[true, 0]],
      nextHops,
    );
    assert.ok(!said.some(({ type }) => type === "trackNextHops"));
  }
});

test("neighbours of one link-local address on two links are two ways", () => {
  const { core, announce } = speakerOn(["eth0", "eth1"]);
  announce("eth0", `${global} ${onLink}`);
  announce("eth1", `${global} ${onLink}`);
  assert.deepEqual(
    core.routes().flatMap(({ paths }) => paths.map(({ isUsed }) => isUsed)),
    [true, true],
  );
});
