import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type NftSocket, openNftSocket, writeSysctl } from "../../src/kernel/index.ts";
import { type Table, diffTables } from "../../src/nft/index.ts";
import {
  type NetlinkHandle,
  type PacketSocket,
  inNamespace,
  makeNamespace,
  openNetlink,
  openPacketSocket,
  removeNamespace,
} from "../../src/sys/index.ts";
import { forgetConnections } from "./forget-connections.ts";
import { readFrame, toFrame } from "./frames.ts";
import { RawIpSocket } from "./raw-ip-socket.ts";
import type { JudgedPacket } from "./rule-meaning.ts";
import {
  type InterfaceName,
  addressOf,
  addressesByInterface,
  interfaceNames,
  routeOf,
  routedDigits,
  versions,
} from "./world.ts";

/** A packet to be sent, and by what it is known again. */
export type RealPacket = { readonly id: number; readonly packet: JudgedPacket; readonly bytes: Uint8Array };

const settings: readonly (readonly [path: string, value: string])[] = [
  ["net/ipv4/ip_forward", "1"],
  ["net/ipv6/conf/all/forwarding", "1"],
  ["net/ipv4/conf/all/send_redirects", "0"],
  ...["all", "default", "lo", ...interfaceNames].flatMap((name) => [
    [`net/ipv4/conf/${name}/rp_filter`, "0"] as const,
    [`net/ipv4/conf/${name}/send_redirects`, "0"] as const,
    [`net/ipv6/conf/${name}/accept_ra`, "0"] as const,
  ]),
  // A packet in the middle of a connection that nobody knows is invalid; checksums of made-up packets are not looked at.
  ["net/netfilter/nf_conntrack_tcp_loose", "0"],
  ["net/netfilter/nf_conntrack_checksum", "0"],
];

/** Sees what came through all other chains to the host itself, and keeps it from being answered. */
const probe = `
table inet probe {
  set four { typeof ip id; flags dynamic; size 65535; }
  set six { typeof ip6 flowlabel; flags dynamic; size 65535; }
  chain arrived {
    type filter hook input priority 1000; policy accept;
    iifname "lo" accept
    meta nfproto ipv4 add @four { ip id } drop
    meta nfproto ipv6 add @six { ip6 flowlabel } drop
  }
}
`;

/**
 * The host of world.ts in the kernel: a network namespace with an interface of each name, whose other ends lie in a second one,
 * where packets are sent and seen.
 */
export class RealHost implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "tortie-policy-"));
  readonly #host = join(this.#folder, "host");
  readonly #outside = join(this.#folder, "outside");
  readonly #links = new Map<InterfaceName, PacketSocket>();
  readonly #nft: NftSocket;
  readonly #conntrack: NetlinkHandle;
  readonly #raw: RawIpSocket;
  #present: Table | undefined;

  constructor() {
    makeNamespace(this.#host);
    makeNamespace(this.#outside);
    for (const netns of [this.#host, this.#outside]) {
      writeSysctl("net/ipv6/conf/default/accept_dad", "0", { netns });
    }
    writeSysctl("net/ipv6/conf/default/disable_ipv6", "1", { netns: this.#outside });
    this.#run(this.#host, ["ip", "-batch", "-"], [...this.#linkCommands(), ...addressCommands()].join("\n"));
    this.#run(this.#outside, ["ip", "-batch", "-"], interfaceNames.map((name) => `link set p-${name} up`).join("\n"));
    this.#run(this.#host, ["nft", "-f", "-"], probe);
    this.#nft = openNftSocket({ netns: this.#host });
    this.#conntrack = openNetlink({ protocol: "netfilter", netns: this.#host });
    this.#raw = inNamespace(this.#host, () => new RawIpSocket());
    for (const name of interfaceNames) {
      this.#links.set(name, openPacketSocket({ linkName: `p-${name}`, netns: this.#outside }));
    }
  }

  /** Puts the table into force, and gives it back as the kernel has it. */
  async program(table: Table): Promise<Table> {
    const isFirst = this.#present === undefined;
    await this.#nft.apply(diffTables(this.#present, table));
    this.#present = await this.#nft.dumpTable(table.name);
    assert.ok(this.#present !== undefined, "the table is in the kernel");
    // Settings of connection tracking are there once something asks about connections.
    if (isFirst) for (const [path, value] of settings) writeSysctl(path, value, { netns: this.#host });
    return this.#present;
  }

  /** Ids of the packets that got where they are going: out by the interface of their route, or into the host. */
  async send(packets: readonly RealPacket[], expected: ReadonlySet<number>): Promise<ReadonlySet<number>> {
    const byId = new Map(packets.map((one) => [one.id, one]));
    const arrived = new Set<number>();
    for (const { packet, bytes } of packets) {
      if (packet.inputName === undefined) this.#raw.send(bytes, packet.destination);
      else this.#link(packet.inputName).send(toFrame(bytes, macOf(packet.inputName)));
      this.#look(byId, arrived);
    }
    const hasInput = packets.some(({ packet }) => packet.outputName === undefined);
    // What is to come is waited for; what is not has had as much time as that.
    const deadline = performance.now() + 5000;
    do {
      await pause(3);
      this.#look(byId, arrived);
      if (hasInput)
        for (const id of this.#takeInputs()) if (byId.get(id)?.packet.outputName === undefined) arrived.add(id);
    } while (!expected.isSubsetOf(arrived) && performance.now() < deadline);
    return arrived;
  }

  /** No connection is known any more. */
  forgetConnections(): void {
    forgetConnections(this.#conntrack);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const link of this.#links.values()) link[Symbol.dispose]();
    this.#nft[Symbol.dispose]();
    this.#conntrack.close();
    this.#raw[Symbol.dispose]();
    removeNamespace(this.#host);
    removeNamespace(this.#outside);
    rmSync(this.#folder, { recursive: true });
  }

  #look(byId: ReadonlyMap<number, RealPacket>, arrived: Set<number>): void {
    for (const [name, link] of this.#links) {
      for (let frame = link.receiveNow(); frame !== undefined; frame = link.receiveNow()) {
        if (frame.direction !== "in") continue;
        const seen = readFrame(frame.bytes);
        const sent = seen === undefined ? undefined : byId.get(seen.id)?.packet;
        // Answers of the host's own have numbers too.
        const isSame =
          sent?.source === seen?.source && sent?.destination === seen?.destination && sent?.protocol === seen?.protocol;
        if (seen !== undefined && sent !== undefined && isSame && sent.outputName === name) arrived.add(seen.id);
      }
    }
  }

  #takeInputs(): number[] {
    return ["four", "six"].flatMap((set) => {
      const listing = this.#run(this.#host, ["nft", "-j", "list", "set", "inet", "probe", set]);
      const { nftables }: { nftables: { set?: { elem?: (number | { elem: { val: number } })[] } }[] } =
        JSON.parse(listing);
      return nftables
        .flatMap(({ set }) => set?.elem ?? [])
        .map((element) => (typeof element === "number" ? element : element.elem.val));
    });
  }

  #link(name: string): PacketSocket {
    const link = interfaceNames.find((known) => known === name);
    return this.#links.get(link!)!;
  }

  #linkCommands(): string[] {
    return interfaceNames.flatMap((name) => [
      `link add ${name} address ${macOf(name)} type veth peer name p-${name}`,
      `link set p-${name} netns ${this.#outside}`,
      `link set ${name} up`,
    ]);
  }

  #run(netns: string, [command = "", ...args]: readonly string[], input = ""): string {
    const { status, stdout, stderr } = inNamespace(netns, () => spawnSync(command, args, { encoding: "utf8", input }));
    assert.equal(status, 0, `${command} ${args.join(" ")}: ${stderr}`);
    return stdout;
  }
}

function macOf(name: string): string {
  return `02:00:00:00:01:0${interfaceNames.findIndex((known) => known === name)}`;
}

function addressCommands(): string[] {
  const own = [...addressesByInterface].flatMap(([name, addresses]) =>
    addresses.map((address) => `address add ${address} dev ${name}${address.includes(":") ? " nodad" : ""}`),
  );
  const others = routedDigits.flatMap((digits) =>
    versions.flatMap((version) => {
      const [address, name] = [addressOf(digits, version), routeOf(digits)];
      return [
        `route add ${address} dev ${name}`,
        `neighbour replace ${address} dev ${name} lladdr 02:00:00:00:02:00 nud permanent`,
      ];
    }),
  );
  return ["link set lo up", ...own, ...others];
}
