import { type Cidr, type IpAddress, cidrContains } from "../../src/lib/index.ts";
import type { FelixConfiguration, FelixConfigurationSpec, Resource } from "../../src/resources/index.ts";
import type { Direction } from "./policy-meaning.ts";
import type { JudgedPacket } from "./rule-meaning.ts";

const protocols: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, SCTP: 132 };

const services = [179, 2379, 2380, 5473, 6443, 6666, 6667].map((port) => ({ protocol: 6, port, net: undefined }));

type Failsafe = { readonly protocol: number; readonly port: number; readonly net: Cidr | undefined };

/** What FelixConfigurations say for a host, as far as it concerns packets. */
export class JudgedSettings {
  readonly #spec: FelixConfigurationSpec;
  readonly #failsafes: Readonly<Record<Direction, readonly Failsafe[]>>;

  constructor(resources: readonly Resource[], node: string) {
    const configurations = resources.filter(
      (resource): resource is FelixConfiguration => resource.kind === "FelixConfiguration",
    );
    const specOf = (name: string) => configurations.find(({ metadata }) => metadata.name === name)?.spec;
    // The node's own word counts before everybody's, setting by setting.
    this.#spec = { ...specOf("default"), ...specOf(`node.${node}`) };
    const { failsafeInboundHostPorts, failsafeOutboundHostPorts } = this.#spec;
    const read = ({ protocol, port, net }: { protocol: string; port: number; net?: Cidr | undefined }) => ({
      protocol: protocols[protocol]!,
      port,
      net,
    });
    this.#failsafes = {
      ingress: failsafeInboundHostPorts?.map(read) ?? [
        { protocol: 6, port: 22, net: undefined },
        { protocol: 17, port: 68, net: undefined },
        ...services,
      ],
      egress: failsafeOutboundHostPorts?.map(read) ?? [
        { protocol: 17, port: 53, net: undefined },
        { protocol: 17, port: 67, net: undefined },
        ...services,
      ],
    };
  }

  /** Whether what a workload sends to its host gets there once its rules allow it. */
  get isHostOpen(): boolean {
    return (this.#spec.defaultEndpointToHostAction ?? "Drop").toLowerCase() !== "drop";
  }

  get isInvalidDropped(): boolean {
    return this.#spec.disableConntrackInvalidCheck !== true;
  }

  get maySpoof(): boolean {
    return this.#spec.workloadSourceSpoofing === "Any";
  }

  get mayTunnelVxlan(): boolean {
    return this.#spec.allowVXLANPacketsFromWorkloads === true;
  }

  get mayTunnelIpIp(): boolean {
    return this.#spec.allowIPIPPacketsFromWorkloads === true;
  }

  /** A port that stays open whatever policies say. */
  isFailsafe(direction: Direction, { protocol, ports, source, destination }: JudgedPacket): boolean {
    return this.#isOpen(direction, protocol, ports?.[1], direction === "ingress" ? source : destination);
  }

  /** The answer of such a port of the other direction, told by where it comes from: for places that know no connections. */
  isFailsafeAnswer(direction: Direction, { protocol, ports, source, destination }: JudgedPacket): boolean {
    const asked = direction === "ingress" ? "egress" : "ingress";
    return this.#isOpen(asked, protocol, ports?.[0], direction === "ingress" ? source : destination);
  }

  /** What a Log rule writes before the packet. */
  logLine(policy: { tier: string; kind: string; name: string; namespace: string }, rule: string): string {
    const { tier, kind, name, namespace } = policy;
    const long = namespace === "" ? name : `${namespace}/${name}`;
    const id = kind === "Profile" ? name : `${kind}/${namespace}/${name}`;
    const words: Readonly<Record<string, string>> = { "%t": tier, "%k": kind, "%n": long, "%p": id };
    const prefix = (this.#spec.logPrefix ?? "tortie %p").replaceAll(/%[tknp]/g, (sign) => words[sign]!);
    return `${prefix} ${rule}: `.slice(0, 127);
  }

  #isOpen(direction: Direction, protocol: number, port: number | undefined, remote: IpAddress): boolean {
    return this.#failsafes[direction].some(
      (failsafe) =>
        failsafe.protocol === protocol &&
        failsafe.port === port &&
        (failsafe.net === undefined || cidrContains(failsafe.net, remote)),
    );
  }
}
