// Runs on a host of the lab: prints frames that leave it for one of the given addresses, until it saw one for each.
import { openRouteSocket } from "../../src/kernel/index.ts";
import { addressFromBytes } from "../../src/lib/index.ts";
import { openPacketSocket } from "../../src/sys/index.ts";

const patienceMs = 5000;
const targets = new Set(process.argv.slice(2));

/** One line for a frame that carries IP straight behind its Ethernet header; undefined for others. */
function describeFrame(frame: Uint8Array): { to: string; line: string } | undefined {
  const etherType = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  const isV4 = etherType === 0x0800;
  if (!isV4 && etherType !== 0x86dd) return undefined;
  const [from, to] = isV4
    ? [frame.subarray(26, 30), frame.subarray(30, 34)]
    : [frame.subarray(22, 38), frame.subarray(38, 54)];
  const protocol = isV4 ? frame[23] : frame[20];
  const name = protocol === 1 ? "ICMP" : protocol === 58 ? "ICMPv6" : `protocol ${protocol}`;
  const target = addressFromBytes(to);
  return {
    to: target,
    line: `${frame.length} octets  ${isV4 ? "IPv4" : "IPv6"} ${addressFromBytes(from)} → ${target}  ${name}`,
  };
}

async function capture(linkName: string, signal: AbortSignal): Promise<void> {
  using socket = openPacketSocket({ linkName });
  while (targets.size > 0) {
    const frame = await socket.receive(signal);
    const seen = frame.direction === "out" ? describeFrame(frame.bytes) : undefined;
    if (seen !== undefined && targets.delete(seen.to)) process.stdout.write(`${linkName}  ${seen.line}\n`);
  }
}

using routes = openRouteSocket();
const uplinks = (await routes.dumpLinks()).map((link) => link.name).filter((name) => name.startsWith("eth"));
const deadline = AbortSignal.timeout(patienceMs);
const captures = uplinks.map((name) => capture(name, deadline));
process.stdout.write("listening\n");
await Promise.race(captures).catch(() => undefined);
process.exit(0);
