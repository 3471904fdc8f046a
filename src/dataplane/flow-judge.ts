import type { Flow } from "../conntrack/index.ts";
import type { IpAddress } from "../lib/index.ts";
import { type Packet, type Table, TableRunner } from "../nft/index.ts";

/** A local endpoint as far as it matters to its connections. */
export type FlowEnd = { readonly interfaceName: string; readonly addresses: readonly IpAddress[] };

/** Where packets of others come in and go out; the rules of interfaces by name do not look at it. */
const elsewhere = "";

/**
 * Says of connections that were let through once whether the rules of now would let them begin. Only connections of
 * workloads on this host are judged; of host endpoints only those that stand for every interface have a say.
 */
export class FlowJudge {
  readonly #runner: TableRunner;
  readonly #interfaces = new Map<IpAddress, string>();
  readonly #hostAddresses: ReadonlySet<IpAddress>;

  /** The table as the kernel has it; the workloads whose connections are to be judged; the addresses of the host itself. */
  constructor(table: Table, ends: Iterable<FlowEnd>, hostAddresses: ReadonlySet<IpAddress>) {
    this.#runner = new TableRunner(table);
    this.#hostAddresses = hostAddresses;
    for (const { interfaceName, addresses } of ends)
      for (const address of addresses) this.#interfaces.set(address, interfaceName);
  }

  isForbidden({ original, reply }: Flow): boolean {
    const { source, protocol, ports, icmp } = original;
    // Behind translated addresses the rules see those that the answers come from.
    const destination = reply.source;
    const [from, to] = [this.#interfaces.get(source), this.#interfaces.get(destination)];
    if (from === undefined && to === undefined) return false;
    const packet: Packet = {
      source,
      destination,
      protocol,
      state: "new",
      isSourceReal: true,
      ...(ports === undefined ? {} : { ports: [ports[0], reply.ports?.[0] ?? ports[1]] }),
      ...(icmp === undefined ? {} : { icmp: { type: icmp.type, code: icmp.code } }),
      ...(this.#hostAddresses.has(source) ? {} : { inputName: from ?? elsewhere }),
      ...(this.#hostAddresses.has(destination) ? {} : { outputName: to ?? elsewhere }),
    };
    return this.#runner.run(packet).verdict === "drop";
  }
}
