import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeSysctl } from "../src/kernel/index.ts";
import type { IpVersion } from "../src/lib/index.ts";
import { inNamespace, makeNamespace, removeNamespace } from "../src/sys/index.ts";

export const fabricLink = "fab0";

/** The host's end of the link of the workload with this number. Those that carry traffic have number 0. */
export function workloadLink(number: number): string {
  return `ttw${number}`;
}

/** Of every workload, on its own side. */
export const insideLink = "eth0";

export type HostNumber = 1 | 2;

export function fabricAddress(host: number, version: IpVersion): string {
  return version === 4 ? `192.0.2.${host}` : `2001:db8::${host.toString(16)}`;
}

/** Host numbers go to 99, workload numbers to 65,534. */
export function workloadAddress(host: number, workload: number, version: IpVersion): string {
  const number = workload + 1;
  return version === 4
    ? `10.${100 + host}.${number >> 8}.${number & 255}`
    : `fd00:${host.toString(16)}::${number.toString(16)}`;
}

export function workloadMac(host: number, workload: number): string {
  return [2, 0, 0, host, workload >> 8, workload & 255].map((octet) => octet.toString(16).padStart(2, "0")).join(":");
}

/** Two hosts with one cable between them, and one workload on each that carries traffic. */
export class Pair implements Disposable {
  readonly name: string;
  readonly #folder: string;

  constructor(folder: string, name: string) {
    this.name = name;
    this.#folder = folder;
    for (const path of this.#paths()) {
      makeNamespace(path);
      for (const place of ["all", "default"]) {
        writeSysctl(`net/ipv6/conf/${place}/accept_dad`, "0", { netns: path, isOptional: true });
        writeSysctl(`net/ipv4/conf/${place}/rp_filter`, "0", { netns: path });
      }
      run(path, "ip", ["link", "set", "lo", "up"]);
    }
    ipBatch(this.host(1), [`link add ${fabricLink} type veth peer name ${fabricLink} netns ${this.host(2)}`]);
    for (const host of [1, 2] as const) {
      ipBatch(this.host(host), [
        `link set ${fabricLink} up`,
        `address add ${fabricAddress(host, 4)}/24 dev ${fabricLink}`,
        `address add ${fabricAddress(host, 6)}/64 dev ${fabricLink} nodad`,
      ]);
    }
  }

  [Symbol.dispose](): void {
    for (const path of this.#paths()) removeNamespace(path);
  }

  /** Path of the host's network namespace. */
  host(number: HostNumber): string {
    return join(this.#folder, `${this.name}-host-${number}`);
  }

  /** Where the far ends of other workloads' links lie. */
  get crowd(): string {
    return join(this.#folder, `${this.name}-crowd`);
  }

  workload(host: HostNumber): string {
    return join(this.#folder, `${this.name}-workload-${host}`);
  }

  /** Plain routers' host ends: the gateway's addresses, and a permanent neighbour. What the workload sees is the same in all. */
  attachByRoute(host: HostNumber, gateway: { readonly mac: string; readonly ip4: string; readonly ip6: string }): void {
    const link = workloadLink(0);
    ipBatch(this.host(host), [`link add ${link} address ${gateway.mac} type veth ${this.#peer(host)}`]);
    this.configureInside(host, gateway);
  }

  configureInside(host: HostNumber, gateway: { readonly ip4: string; readonly ip6: string }): void {
    ipBatch(this.workload(host), [
      `link set ${insideLink} up`,
      `address add ${workloadAddress(host, 0, 4)}/32 dev ${insideLink}`,
      `address add ${workloadAddress(host, 0, 6)}/128 dev ${insideLink} nodad`,
      `route add ${gateway.ip4} dev ${insideLink}`,
      `route add default via ${gateway.ip4}`,
      `route add default via ${gateway.ip6} dev ${insideLink}`,
    ]);
  }

  /** One segment for all workloads, as an overlay has it. */
  attachByBridge(host: HostNumber, bridge: string, mtu: number): void {
    const link = workloadLink(0);
    ipBatch(this.host(host), [
      `link add ${link} mtu ${mtu} type veth ${this.#peer(host)} mtu ${mtu}`,
      `link set ${link} addrgenmode none master ${bridge} up`,
    ]);
    ipBatch(this.workload(host), [
      `link set ${insideLink} up`,
      `address add ${workloadAddress(host, 0, 4)}/8 dev ${insideLink}`,
      `address add ${workloadAddress(host, 0, 6)}/16 dev ${insideLink} nodad`,
    ]);
  }

  #peer(host: HostNumber): string {
    return `peer name ${insideLink} address ${workloadMac(host, 0)} netns ${this.workload(host)}`;
  }

  #paths(): string[] {
    return [this.host(1), this.host(2), this.workload(1), this.workload(2), this.crowd];
  }

  /** Workloads have forgotten whom they talked to. */
  forgetNeighbours(): void {
    for (const host of [1, 2] as const) run(this.workload(host), "ip", ["neigh", "flush", "dev", insideLink]);
  }
}

export type LinkCount = { readonly frames: number; readonly octets: number };

/** What has left by the link. */
export function sentOver(netns: string, link: string): LinkCount {
  const text = inNamespace(netns, () => readFileSync("/proc/thread-self/net/dev", "utf8"));
  const line = text.split("\n").find((line) => line.trim().startsWith(`${link}:`));
  const numbers = (line?.split(":")[1] ?? "").trim().split(/\s+/).map(Number);
  return { octets: numbers[8] ?? Number.NaN, frames: numbers[9] ?? Number.NaN };
}

export function run(netns: string, command: string, args: readonly string[], input = ""): string {
  const done = inNamespace(netns, () => spawnSync(command, args, { encoding: "utf8", input }));
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${done.stderr ?? done.error?.message}`);
  return done.stdout;
}

/** Commands for `ip`, in their order. */
export function ipBatch(netns: string, lines: readonly string[]): void {
  run(netns, "ip", ["-batch", "-"], lines.join("\n"));
}
