// A client of the reflector in docs/operate/reflector.md, at the address that FRR has there: one of our own speakers.
import { openSpeaker } from "../../src/speaker/index.ts";
import { type IpAddress, parseAddress, parseCidr, silentLogger } from "../../src/lib/index.ts";

function address(text: string): IpAddress {
  const read = parseAddress(text);
  if (read === undefined) throw new Error(text);
  return read;
}

const prefix = parseCidr("10.65.0.0/26");
const own = address("192.0.2.21");
const speaker = await openSpeaker({
  config: {
    localAs: 64512,
    routerId: own,
    listenPort: 179,
    listenAddresses: [own],
    restartTimeSeconds: 120,
    exportWithin: "all",
    peers: [
      {
        name: "reflector",
        type: "nodePeer",
        address: address("192.0.2.10"),
        port: 179,
        localAddress: own,
        asNumber: "internal",
        isPassive: false,
        families: ["ipv4-unicast"],
        nextHopMode: "auto",
      },
    ],
  },
  isRestart: false,
  log: silentLogger,
  random: Math.random,
  signal: new AbortController().signal,
  onPeer: () => undefined,
  onRestartEnd: () => undefined,
});
speaker.originate(prefix === undefined ? [] : [{ prefix, localPref: 100 }]);
