import type { Family } from "../../../src/bgp/index.ts";
import type { Daemon, Place } from "../network.ts";
import { soon } from "../waiting.ts";
import { entriesOf, get, listOf, textOf } from "./json.ts";
import {
  type Neighbor,
  type Router,
  type RouterConfig,
  type Seen,
  type Told,
  isOfFamily,
  versionOf,
} from "./router.ts";

/** Of `gobgp -j`: the type codes of RFC 4271 and others, with members of GoBGP's own naming. */
const attributeType = {
  asPath: 2,
  nextHop: 3,
  med: 4,
  localPref: 5,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  reach: 14,
  large: 32,
};

export class GoBgp implements Router {
  readonly place: Place;
  #config: RouterConfig | undefined;
  #told: readonly Told[] = [];
  #daemon: Daemon | undefined;

  constructor(place: Place) {
    this.place = place;
  }

  async start(config: RouterConfig, options: { readonly isRestart?: boolean } = {}): Promise<void> {
    this.#config = config;
    // Its routes come by its command: a neighbour that was there before would get an End-of-RIB without them.
    const isHeldBack = options.isRestart === true;
    this.place.write("gobgp.toml", render(config, isHeldBack));
    const flags = options.isRestart === true ? ["-r"] : [];
    const command = ["gobgpd", "-t", "toml", "-f", this.place.path("gobgp.toml"), "-l", "info", "--pprof-disable"];
    this.#daemon = this.place.start("gobgp.log", [...command, "--api-hosts", "127.0.0.1:50051", ...flags]);
    await soon(
      "gobgpd to answer",
      () => this.#ask("global"),
      (text) => text.includes("Router-ID"),
    );
    this.#told = [];
    await this.tell(config.told);
    if (isHeldBack) for (const { name } of config.neighbors) await this.#ask("neighbor", this.#address(name), "enable");
  }

  async #ask(...args: readonly string[]): Promise<string> {
    return await this.place.mustRun("gobgp", ...args);
  }

  #address(neighbor: string): string {
    const found = this.#config?.neighbors.find(({ name }) => name === neighbor);
    if (found === undefined) throw new Error(`GoBGP has no neighbour ${neighbor}`);
    return found.linkName === undefined ? found.address : `${found.address}%${found.linkName}`;
  }

  async tell(told: readonly Told[]): Promise<void> {
    const names = new Set(told.map(({ prefix }) => prefix));
    for (const route of this.#told) if (!names.has(route.prefix)) await this.#ask(...routeCommand("del", route));
    for (const route of told) await this.#ask(...routeCommand("add", route));
    this.#told = told;
  }

  async isUp(neighbor: string): Promise<boolean> {
    const text = await this.#ask("neighbor", this.#address(neighbor));
    return /BGP state = (BGP_FSM_)?ESTABLISHED/i.test(text);
  }

  async seen(neighbor: string, family: Family): Promise<readonly Seen[]> {
    const command = ["-j", "neighbor", this.#address(neighbor), "adj-in", "-a", `ipv${versionOf(family)}`];
    const { status, stdout, stderr } = await this.place.run("gobgp", ...command);
    // What is kept of a neighbour that is away is told; of one that has left nothing behind it says this.
    if (/session is not established/.test(stdout + stderr)) return [];
    if (status !== 0) throw new Error(`gobgp ${command.join(" ")}: ${stderr}${stdout}`);
    return entriesOf(stdout.trim() === "" ? [] : JSON.parse(stdout)).flatMap(([, paths]) =>
      (Array.isArray(paths) ? paths : [paths]).map(readPath),
    );
  }

  async count(neighbor: string, family: Family): Promise<number> {
    const state = JSON.parse(await this.#ask("-j", "neighbor", this.#address(neighbor)));
    const ofFamily = listOf(get(state, "afi_safis")).find((one) => {
      return get(one, "config", "family", "afi") === (family === "ipv4-unicast" ? 1 : 2);
    });
    return Number(get(ofFamily, "state", "received") ?? 0);
  }

  async askRefresh(neighbor: string, family: Family): Promise<void> {
    await this.#ask("neighbor", this.#address(neighbor), "softresetin", "-a", `ipv${versionOf(family)}`);
  }

  async shutDown(neighbor: string, reason: string): Promise<void> {
    await this.#ask("neighbor", this.#address(neighbor), "shutdown", "--reason", reason);
  }

  async words(neighbor: string): Promise<string> {
    return (await this.#ask("neighbor", this.#address(neighbor))) + this.place.read("gobgp.log");
  }

  pause(): void {
    this.#daemon?.signal("SIGSTOP");
  }

  resume(): void {
    this.#daemon?.signal("SIGCONT");
  }

  async crash(): Promise<void> {
    await this.#daemon?.crash();
  }
}

function render(config: RouterConfig, isHeldBack: boolean): string {
  return `[global.config]
as = ${config.asNumber}
router-id = "${config.routerId}"
${config.neighbors.map((neighbor) => renderNeighbor(neighbor, config, isHeldBack)).join("\n")}
`;
}

function renderNeighbor(neighbor: Neighbor, config: RouterConfig, isHeldBack: boolean): string {
  const { address, localAddress, linkName, remoteAs, password, securityHops, multihop } = neighbor;
  const lines = [
    "[[neighbors]]",
    "[neighbors.config]",
    linkName === undefined ? `neighbor-address = "${address}"` : `neighbor-interface = "${linkName}"`,
    `peer-as = ${remoteAs}`,
    ...(isHeldBack ? ["admin-down = true"] : []),
    ...(password === undefined ? [] : [`auth-password = "${password}"`]),
    "[neighbors.transport.config]",
    ...(linkName === undefined ? [`local-address = "${localAddress}"`] : []),
    ...(neighbor.isPassive === true ? ["passive-mode = true"] : []),
    "[neighbors.timers.config]",
    "connect-retry = 1",
    "idle-hold-time-after-reset = 1",
    ...(neighbor.holdSeconds === undefined
      ? []
      : [
          `hold-time = ${neighbor.holdSeconds}`,
          `keepalive-interval = ${Math.max(1, Math.floor(neighbor.holdSeconds / 3))}`,
        ]),
    ...(securityHops === undefined
      ? []
      : ["[neighbors.ttl-security.config]", "enabled = true", `ttl-min = ${256 - securityHops}`]),
    ...(multihop === undefined
      ? []
      : ["[neighbors.ebgp-multihop.config]", "enabled = true", `multihop-ttl = ${multihop}`]),
    ...renderRestart(neighbor),
    ...(neighbor.isClient === true
      ? [
          "[neighbors.route-reflector.config]",
          "route-reflector-client = true",
          `route-reflector-cluster-id = "${config.clusterId ?? config.routerId}"`,
        ]
      : []),
    ...(neighbor.allowOwnAs === undefined
      ? []
      : ["[neighbors.as-path-options.config]", `allow-own-as = ${neighbor.allowOwnAs}`]),
    ...neighbor.families.flatMap((family) => renderFamily(neighbor, family)),
  ];
  return lines.join("\n");
}

function renderRestart({ restartSeconds, longLivedSeconds }: Neighbor): string[] {
  if (restartSeconds === undefined) return [];
  return [
    "[neighbors.graceful-restart.config]",
    "enabled = true",
    `restart-time = ${restartSeconds}`,
    "deferral-time = 5",
    "notification-enabled = true",
    ...(longLivedSeconds === undefined ? [] : ["long-lived-enabled = true"]),
  ];
}

function renderFamily(neighbor: Neighbor, family: Family): string[] {
  const { addPath, maxPrefixes, restartSeconds, longLivedSeconds } = neighbor;
  return [
    "[[neighbors.afi-safis]]",
    "[neighbors.afi-safis.config]",
    `afi-safi-name = "${family}"`,
    ...(restartSeconds === undefined ? [] : ["[neighbors.afi-safis.mp-graceful-restart.config]", "enabled = true"]),
    ...(longLivedSeconds === undefined
      ? []
      : [
          "[neighbors.afi-safis.long-lived-graceful-restart.config]",
          "enabled = true",
          `restart-time = ${longLivedSeconds}`,
        ]),
    ...(maxPrefixes === undefined
      ? []
      : ["[neighbors.afi-safis.prefix-limit.config]", `max-prefixes = ${maxPrefixes}`, "shutdown-threshold-pct = 100"]),
    ...(addPath === undefined
      ? []
      : [
          "[neighbors.afi-safis.add-paths.config]",
          ...(addPath === "send" ? [] : ["receive = true"]),
          ...(addPath === "receive" ? [] : ["send-max = 8"]),
        ]),
  ];
}

function routeCommand(verb: "add" | "del", route: Told): string[] {
  const { prefix, nextHop, communities, largeCommunities, med, localPref } = route;
  const base = ["global", "rib", verb, "-a", isOfFamily(prefix, "ipv4-unicast") ? "ipv4" : "ipv6", prefix];
  if (verb === "del") return [...base, "nexthop", nextHop];
  return [
    ...base,
    "nexthop",
    nextHop,
    ...(communities === undefined ? [] : ["community", communities.join(",")]),
    ...(largeCommunities === undefined ? [] : ["large-community", largeCommunities.join(",")]),
    ...(med === undefined ? [] : ["med", String(med)]),
    ...(localPref === undefined ? [] : ["local-pref", String(localPref)]),
  ];
}

function readPath(path: unknown): Seen {
  const attribute = (type: number) => listOf(get(path, "attrs")).find((one) => get(one, "type") === type);
  const of = (type: number, name: string) => get(attribute(type), name);
  const [localPref, med] = [of(attributeType.localPref, "value"), of(attributeType.med, "metric")];
  const originatorId = textOf(of(attributeType.originatorId, "value"));
  return {
    prefix: textOf(get(path, "nlri", "prefix")),
    nextHop: textOf(of(attributeType.nextHop, "nexthop") ?? of(attributeType.reach, "nexthop")),
    asPath: listOf(of(attributeType.asPath, "as_paths"))
      .flatMap((segment) => listOf(get(segment, "asns")))
      .join(" "),
    communities: listOf(of(attributeType.communities, "communities")).map((value) => {
      return `${Number(value) >>> 16}:${Number(value) & 0xffff}`;
    }),
    largeCommunities: listOf(of(attributeType.large, "value")).map((value) => {
      return ["ASN", "LocalData1", "LocalData2"].map((name) => textOf(get(value, name))).join(":");
    }),
    clusterList: listOf(of(attributeType.clusterList, "value")).map(textOf),
    isStale: get(path, "stale") === true,
    ...(typeof localPref === "number" ? { localPref } : {}),
    ...(typeof med === "number" ? { med } : {}),
    ...(originatorId === "" ? {} : { originatorId }),
  };
}
