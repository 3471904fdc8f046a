import { type FelixConfiguration, type FelixConfigurationSpec, protocolNumber } from "../resources/index.ts";
import { compareTexts, evaluateSelector } from "../selector/index.ts";
import type { Labels } from "./label-index.ts";
import type { FailsafePort, HostSettings } from "./messages.ts";
import { readSelector } from "./translate-rule.ts";

const tcp = 6;
const udp = 17;
/** SSH, BGP, etcd and API servers: what a host needs to be reached and mended. */
const serviceFailsafes: readonly FailsafePort[] = [179, 2379, 2380, 5473, 6443, 6666, 6667].map((port) => ({
  protocol: tcp,
  port,
}));
const defaultInbound: readonly FailsafePort[] = [
  { protocol: tcp, port: 22 },
  { protocol: udp, port: 68 },
  ...serviceFailsafes,
];
const defaultOutbound: readonly FailsafePort[] = [
  { protocol: udp, port: 53 },
  { protocol: udp, port: 67 },
  ...serviceFailsafes,
];
const defaultLogBurst = 5;
const metricsPort = 9091;
const healthPort = 9099;

/** What holds where no FelixConfiguration says anything. */
export const defaultSettings: HostSettings = toSettings({});

/** What the FelixConfigurations say for one host: that of the node before the one that selects it before `default`. */
export class Settings {
  readonly #node: string;
  readonly #configurations = new Map<string, FelixConfiguration>();
  #labels: Labels = {};
  #isDirty = true;

  constructor(node: string) {
    this.#node = node;
  }

  setConfiguration(name: string, configuration: FelixConfiguration | undefined): void {
    if (configuration === undefined) this.#configurations.delete(name);
    else this.#configurations.set(name, configuration);
    this.#isDirty = true;
  }

  setNodeLabels(labels: Labels): void {
    this.#labels = labels;
    this.#isDirty = true;
  }

  /** Undefined: nothing has changed since the last time. */
  take(): HostSettings | undefined {
    if (!this.#isDirty) return undefined;
    this.#isDirty = false;
    const layers = [
      this.#configurations.get("default"),
      this.#selected(),
      this.#configurations.get(`node.${this.#node}`),
    ];
    return toSettings(Object.assign({}, ...layers.map((layer) => layer?.spec)));
  }

  /** Of several that select the node the oldest. */
  #selected(): FelixConfiguration | undefined {
    const matching = [...this.#configurations.values()].filter(
      ({ spec: { nodeSelector } }) =>
        nodeSelector !== undefined && evaluateSelector(readSelector(nodeSelector), this.#labels),
    );
    return matching.toSorted(
      (a, b) =>
        compareTexts(a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? "") ||
        compareTexts(a.metadata.name, b.metadata.name),
    )[0];
  }
}

function toSettings(spec: FelixConfigurationSpec): HostSettings {
  const limit = readLogLimit(spec);
  return {
    endpointToHostAction: word(["Drop", "Accept", "Return"], spec.defaultEndpointToHostAction),
    failsafeInbound: spec.failsafeInboundHostPorts?.map(toFailsafe) ?? defaultInbound,
    failsafeOutbound: spec.failsafeOutboundHostPorts?.map(toFailsafe) ?? defaultOutbound,
    denyAction: word(["Drop", "Reject"], spec.nftablesFilterDenyAction),
    logPrefix: spec.logPrefix ?? "tortie %p",
    ...(limit === undefined ? {} : { logLimit: limit }),
    isInvalidDropped: spec.disableConntrackInvalidCheck !== true,
    // A host whose loopback is a workload's would be cut off from itself.
    interfacePrefixes: (spec.interfacePrefix ?? "").split(",").filter((prefix) => !"lo".startsWith(prefix)),
    canSpoof: spec.workloadSourceSpoofing === "Any",
    mayTunnelVxlan: spec.allowVXLANPacketsFromWorkloads === true,
    mayTunnelIpIp: spec.allowIPIPPacketsFromWorkloads === true,
    ...(spec.prometheusMetricsEnabled === true
      ? { metricsAt: { host: spec.prometheusMetricsHost ?? "", port: spec.prometheusMetricsPort ?? metricsPort } }
      : {}),
    ...(spec.healthEnabled === true
      ? { healthAt: { host: spec.healthHost ?? "localhost", port: spec.healthPort ?? healthPort } }
      : {}),
  };
}

/** In any letter case; the first of the words when none is given. */
function word<W extends string>(words: readonly [W, ...W[]], text: string | undefined): W {
  return words.find((one) => one.toLowerCase() === text?.toLowerCase()) ?? words[0];
}

function toFailsafe({
  protocol,
  port,
  net,
}: NonNullable<FelixConfigurationSpec["failsafeInboundHostPorts"]>[number]): FailsafePort {
  return { protocol: protocolNumber(protocol), port, ...(net === undefined ? {} : { net }) };
}

function readLogLimit({
  logActionRateLimit,
  logActionRateLimitBurst,
}: FelixConfigurationSpec): HostSettings["logLimit"] {
  const match = /^(\d+)\/(second|minute|hour|day)$/.exec(logActionRateLimit ?? "");
  const per = (["second", "minute", "hour", "day"] as const).find((unit) => unit === match?.[2]);
  if (match === null || per === undefined) return undefined;
  return { count: Number(match[1]), per, burst: logActionRateLimitBurst ?? defaultLogBurst };
}
