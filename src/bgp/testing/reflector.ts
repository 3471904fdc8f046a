import { type PeerConfig, type SpeakerConfig, allFamilies } from "../config.ts";
import type { SpeakerCoreOptions } from "../speaker-core.ts";
import { address, peerAt } from "./network.ts";
import { ScriptedPeer, type ScriptedPeerOptions, Stage } from "./scripted-peer.ts";

/** A reflector with clients 192.0.2.1, .2 and so on, all connected. */
export function reflector(
  count: number,
  more: {
    readonly peer?: (number: number) => Partial<PeerConfig>;
    readonly options?: (number: number) => Partial<ScriptedPeerOptions>;
    readonly config?: Partial<SpeakerConfig>;
    readonly core?: Partial<SpeakerCoreOptions>;
  } = {},
) {
  const stage = new Stage(more.core);
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  const peers = numbers.map((number) =>
    peerAt(`192.0.2.${number}`, {
      isPassive: true,
      families: allFamilies,
      reflectorCluster: address("10.0.0.1"),
      ...more.peer?.(number),
    }),
  );
  stage.configure({ peers, nextHop6: address("2001:db8::ffff"), ...more.config });
  stage.step({ type: "originate", routes: [] });
  const clients = numbers.map(
    (number) =>
      new ScriptedPeer(stage, {
        address: `192.0.2.${number}`,
        routerId: `1.1.1.${number}`,
        ...more.options?.(number),
      }),
  );
  for (const client of clients) client.connect();
  stage.settle();
  return { stage, peers, clients };
}
