import { type IpVersion } from "../../src/lib/index.ts";
import type { Dice } from "./dice.ts";
import type { Hint } from "./packet-hints.ts";
import type { Focus } from "./random-cluster.ts";
import type { JudgedPacket } from "./rule-meaning.ts";
import { type InterfaceName, addressOf, interfaceNames, ownDigits, routeOf, routedDigits, versions } from "./world.ts";

/**
 * A packet that could come to pass on the host: where it goes is what the routes say. `hints` are headers that rules of the
 * cluster look for.
 */
export function randomPacket(dice: Dice, focus: Focus, hints: readonly Hint[]): JudgedPacket {
  const version = dice.pick(versions);
  // ICMP is of one version each.
  const fitting = hints.filter(({ protocol }) => protocol !== (version === 4 ? 58 : 1));
  const hint = fitting.length > 0 && !dice.isOnce(3) ? dice.pick(fitting) : undefined;
  const header = hint === undefined ? randomHeader(dice, version) : hintedHeader(dice, hint);
  return { ...randomWay(dice, version, focus), ...header, state: randomState(dice) };
}

type Ends = Pick<JudgedPacket, "source" | "destination" | "inputName" | "outputName" | "isSourceReal">;

/** Through the host, to it, from it, or from it to itself. */
function randomWay(dice: Dice, version: IpVersion, focus: Focus): Ends {
  const way = dice.weigh([
    [12, "through"],
    [4, "to"],
    [3, "from"],
    [focus === "hosts" ? 3 : 1, "within"],
  ] as const);
  const own = dice.pick(ownDigits);
  if (way === "within") {
    const [source, destination] = [addressOf(own, version), addressOf(dice.pick(ownDigits), version)];
    const isThere = dice.isOnce(2);
    return { source, destination, isSourceReal: true, ...(isThere ? { inputName: "lo" } : { outputName: "lo" }) };
  }
  const isFromWorkload = dice.isOnce(focus === "hosts" ? 4 : 2);
  const remote = dice.pick(isFromWorkload ? [1, 2, 3] : sourceDigits);
  if (way === "from") {
    // A host always reaches its workloads, and what is no workload's is down.
    const target = dice.isOnce(6) ? remote : dice.pick([4, 5, 6, 7]);
    const outputName = routeOf(target)!;
    if (outputName !== "tt9") {
      return {
        source: addressOf(own, version),
        destination: addressOf(target, version),
        outputName,
        isSourceReal: true,
      };
    }
  }
  const isForged = dice.isOnce(10);
  const sender = isForged ? dice.pick(routedDigits) : remote;
  const inputName: InterfaceName = isForged ? dice.pick(interfaceNames) : routeOf(sender)!;
  const source = addressOf(sender, version);
  const isSourceReal = routeOf(sender) === inputName;
  if (way === "to") return { source, destination: addressOf(own, version), inputName, isSourceReal };
  const target = dice.isOnce(focus === "hosts" ? 2 : 3) ? dice.pick(routedDigits) : dice.pick([1, 2, 3]);
  return { source, destination: addressOf(target, version), inputName, outputName: routeOf(target)!, isSourceReal };
}

/** Nobody's interface is told by a few packets. */
const sourceDigits = [...routedDigits, 1, 2, 3, 4, 5, 6, 7];

type Header = Pick<JudgedPacket, "protocol" | "ports" | "icmp">;

/** What rules name, what lies right beside that, and what the product knows. */
const ports = [22, 52, 53, 54, 67, 68, 79, 80, 81, 82, 179, 443, 444, 546, 547, 4789, 7999, 8000, 8080, 8081, 40_000];

function randomHeader(dice: Dice, version: IpVersion): Header {
  const port = () => dice.pick(dice.isOnce(2) ? [53, 80, 8080] : ports);
  const withPorts = (protocol: number): Header => ({ protocol, ports: [port(), port()] });
  const withType = (protocol: number, types: readonly number[]): Header => ({
    protocol,
    icmp: { type: dice.pick(types), code: dice.pick([0, 0, 1, 4]) },
  });
  const make = dice.weigh<() => Header>([
    [8, () => withPorts(6)],
    [7, () => withPorts(17)],
    [2, () => withPorts(132)],
    [
      4,
      () =>
        version === 4
          ? withType(1, [8, 8, 0, 3, 5, 11])
          : withType(58, [128, 128, 129, 1, 3, 130, 133, 134, 135, 136, 137, 143]),
    ],
    [1, () => ({ protocol: dice.pick([4, 47]) })],
    [1, () => (dice.isOnce(3) ? withPorts(136) : withType(version === 4 ? 58 : 1, [8, 128, 135, 134]))],
    [
      1,
      () => ({
        protocol: 17,
        ports: dice.pick([
          [67, 68],
          [547, 546],
          [68, 67],
          [40_000, 4789],
        ] as const),
      }),
    ],
  ]);
  return make();
}

function hintedHeader(dice: Dice, hint: Hint): Header {
  if (hint.icmp !== undefined) {
    const code = dice.isOnce(2) ? dice.below(2) : hint.icmp.code;
    return { protocol: hint.protocol, icmp: { type: hint.icmp.type, code } };
  }
  const other = dice.pick(dice.isOnce(2) ? [53, 80, 8080] : ports);
  const port = dice.pick(hint.ports);
  return { protocol: hint.protocol, ports: hint.isSource ? [port, other] : [other, port] };
}

function randomState(dice: Dice): JudgedPacket["state"] {
  return dice.weigh([
    [18, "new"],
    [2, "established"],
    [1, "related"],
    [2, "invalid"],
    [1, "untracked"],
  ]);
}
