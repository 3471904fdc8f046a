import { chmodSync } from "node:fs";
import type { Family } from "../../../src/bgp/index.ts";
import { type Daemon, type Place, run } from "../network.ts";
import { soon } from "../waiting.ts";
import { entriesOf, get, listOf, textOf, wordsOf } from "./json.ts";
import {
  type Neighbor,
  type Router,
  type RouterConfig,
  type Seen,
  type Told,
  isOfFamily,
  versionOf,
} from "./router.ts";

const programs = "/usr/lib/frr";

/** FRR: zebra stays when bgpd crashes, as a host's watchdog has it; bfdd runs when a neighbour wants it. */
export class Frr implements Router {
  readonly place: Place;
  #config: RouterConfig | undefined;
  #bgpd: Daemon | undefined;
  #zebra: Daemon | undefined;

  constructor(place: Place) {
    this.place = place;
  }

  async start(config: RouterConfig): Promise<void> {
    this.#config = config;
    const { place } = this;
    place.write("zebra.conf", renderZebra(config));
    place.write("bgpd.conf", renderBgpd(config));
    place.write("bfdd.conf", "");
    await run("chown", ["-R", "frr:frr", place.folder]);
    chmodSync(place.folder, 0o755);
    if (this.#zebra === undefined) {
      this.#zebra = this.#startDaemon("zebra");
      await soon(
        "zebra to answer",
        () => this.#ask("show version"),
        (text) => text.includes("FRRouting"),
      );
      if (config.neighbors.some(({ hasBfd }) => hasBfd)) {
        this.#startDaemon("bfdd", "--bfdctl", place.path("bfdd.sock"));
        await soon(
          "bfdd to answer",
          () => this.#ask("show bfd peers json"),
          (text) => text.trim().startsWith("["),
        );
      }
    }
    this.#bgpd = this.#startDaemon("bgpd");
    await soon(
      "bgpd to answer",
      () => this.#ask("show bgp summary json"),
      (text) => text.trim().startsWith("{"),
    );
  }

  #startDaemon(program: string, ...more: readonly string[]): Daemon {
    const { place } = this;
    const files = [
      ["-z", place.path("zserv.api")],
      ["--vty_socket", place.folder],
      ["-i", place.path(`${program}.pid`)],
      ["-f", place.path(`${program}.conf`)],
      ["--log", `file:${place.path(`frr-${program}.log`)}`],
      ["-P", "0"],
    ];
    return place.start(`${program}.log`, [`${programs}/${program}`, ...files.flat(), ...more]);
  }

  async #ask(...commands: readonly string[]): Promise<string> {
    const args = ["--vty_socket", this.place.folder, ...commands.flatMap((command) => ["-c", command])];
    const done = await run("vtysh", args);
    if (done.status !== 0 || done.stdout.startsWith("% ")) {
      throw new Error(`vtysh ${commands.join("; ")}: ${done.stderr}${done.stdout}`);
    }
    return done.stdout;
  }

  async #askJson(command: string): Promise<unknown> {
    return JSON.parse(await this.#ask(command));
  }

  #address(neighbor: string): string {
    const found = this.#config?.neighbors.find(({ name }) => name === neighbor);
    if (found === undefined) throw new Error(`FRR has no neighbour ${neighbor}`);
    return found.linkName ?? found.address;
  }

  async tell(told: readonly Told[]): Promise<void> {
    if (this.#config === undefined) throw new Error("FRR was not started");
    const commands = (["ipv4-unicast", "ipv6-unicast"] as const).flatMap((family) => {
      const before = this.#config?.told.filter(({ prefix }) => isOfFamily(prefix, family)) ?? [];
      const after = told.filter(({ prefix }) => isOfFamily(prefix, family));
      return [
        `address-family ipv${versionOf(family)} unicast`,
        ...before.map(({ prefix }) => `no network ${prefix}`),
        ...after.map(({ prefix }) => `network ${prefix}`),
        "exit-address-family",
      ];
    });
    this.#config = { ...this.#config, told };
    await this.#ask("configure terminal", `router bgp ${this.#config.asNumber}`, ...commands);
  }

  async isUp(neighbor: string): Promise<boolean> {
    return get(await this.#neighbor(neighbor), "bgpState") === "Established";
  }

  async #neighbor(neighbor: string): Promise<unknown> {
    const address = this.#address(neighbor);
    const found = get(await this.#askJson(`show bgp neighbors ${address} json`), address);
    if (found === undefined) throw new Error(`FRR knows no neighbour ${address}`);
    return found;
  }

  async seen(neighbor: string, family: Family): Promise<readonly Seen[]> {
    const version = versionOf(family);
    const table = await this.#askJson(`show bgp ipv${version} unicast json detail`);
    const address = this.#address(neighbor);
    return entriesOf(get(table, "routes")).flatMap(([prefix, entry]) => {
      return listOf(get(entry, "paths") ?? entry)
        .filter((path) => [get(path, "peer", "peerId"), get(path, "peer", "interface")].includes(address))
        .map((path) => readPath(prefix, path));
    });
  }

  async count(neighbor: string, family: Family): Promise<number> {
    const summary = await this.#askJson(`show bgp ipv${versionOf(family)} unicast summary json`);
    return Number(get(summary, "peers", this.#address(neighbor), "pfxRcd") ?? 0);
  }

  async askRefresh(neighbor: string, family: Family): Promise<void> {
    await this.#ask(`clear bgp ipv${versionOf(family)} unicast ${this.#address(neighbor)} soft in`);
  }

  async shutDown(neighbor: string, reason: string): Promise<void> {
    const line = `neighbor ${this.#address(neighbor)} shutdown message ${reason}`;
    await this.#ask("configure terminal", `router bgp ${this.#config?.asNumber ?? 0}`, line);
  }

  async words(neighbor: string): Promise<string> {
    return JSON.stringify(await this.#neighbor(neighbor)) + this.place.read("frr-bgpd.log");
  }

  async bfd(): Promise<string> {
    return await this.#ask("show bfd peers json");
  }

  pause(): void {
    this.#bgpd?.signal("SIGSTOP");
  }

  resume(): void {
    this.#bgpd?.signal("SIGCONT");
  }

  async crash(): Promise<void> {
    await this.#bgpd?.crash();
  }
}

function renderZebra({ neighbors }: RouterConfig): string {
  const links = neighbors.flatMap(({ linkName }) => (linkName === undefined ? [] : [linkName]));
  const lines = links.map((link) => `interface ${link}\n no ipv6 nd suppress-ra\n ipv6 nd ra-interval msec 500\n!`);
  return `hostname frr\n${lines.join("\n")}\n`;
}

function renderBgpd(config: RouterConfig): string {
  const { asNumber, routerId, clusterId, neighbors, told } = config;
  const restart = neighbors.find(({ restartSeconds }) => restartSeconds !== undefined)?.restartSeconds;
  const longLived = neighbors.find(({ longLivedSeconds }) => longLivedSeconds !== undefined)?.longLivedSeconds;
  const lines = [
    "hostname frr",
    "debug bgp neighbor-events",
    "debug bgp updates in",
    ...told.flatMap(renderRouteMap),
    `router bgp ${asNumber}`,
    ` bgp router-id ${routerId}`,
    ...(clusterId === undefined ? [] : [` bgp cluster-id ${clusterId}`]),
    " no bgp default ipv4-unicast",
    " no bgp ebgp-requires-policy",
    " no bgp network import-check",
    " bgp log-neighbor-changes",
    " coalesce-time 0",
    ...(restart === undefined
      ? []
      : [
          " bgp graceful-restart",
          " bgp graceful-restart preserve-fw-state",
          ` bgp graceful-restart restart-time ${restart}`,
        ]),
    ...(longLived === undefined ? [] : [` bgp long-lived-graceful-restart stale-time ${longLived}`]),
    ...neighbors.flatMap((neighbor) => renderNeighbor(neighbor)),
    ...(["ipv4-unicast", "ipv6-unicast"] as const).flatMap((family) => renderFamily(config, family)),
  ];
  return `${lines.join("\n")}\n`;
}

function routeMapName({ prefix }: Told): string {
  return `OWN-${prefix.replaceAll(/[:/.]/g, "-")}`;
}

function hasAttributes({ communities, largeCommunities, med, localPref }: Told): boolean {
  return [communities, largeCommunities, med, localPref].some((value) => value !== undefined);
}

function renderRouteMap(route: Told): string[] {
  if (!hasAttributes(route)) return [];
  const { communities, largeCommunities, med, localPref } = route;
  return [
    `route-map ${routeMapName(route)} permit 10`,
    ...(communities === undefined ? [] : [` set community ${communities.join(" ")}`]),
    ...(largeCommunities === undefined ? [] : [` set large-community ${largeCommunities.join(" ")}`]),
    ...(med === undefined ? [] : [` set metric ${med}`]),
    ...(localPref === undefined ? [] : [` set local-preference ${localPref}`]),
    "exit",
  ];
}

function renderNeighbor(neighbor: Neighbor): string[] {
  const { linkName, remoteAs } = neighbor;
  const address = linkName ?? neighbor.address;
  const line = (text: string) => ` neighbor ${address} ${text}`;
  const { password, securityHops, multihop, holdSeconds } = neighbor;
  return [
    line(linkName === undefined ? `remote-as ${remoteAs}` : `interface remote-as ${remoteAs}`),
    line("timers connect 1"),
    line("advertisement-interval 0"),
    ...(neighbor.isPassive === true ? [line("passive")] : []),
    ...(password === undefined ? [] : [line(`password ${password}`)]),
    ...(securityHops === undefined ? [] : [line(`ttl-security hops ${securityHops}`)]),
    ...(multihop === undefined ? [] : [line(`ebgp-multihop ${multihop}`)]),
    ...(holdSeconds === undefined ? [] : [line(`timers ${Math.max(1, Math.floor(holdSeconds / 3))} ${holdSeconds}`)]),
    ...(neighbor.restartSeconds === undefined ? [] : [line("graceful-restart")]),
    ...(neighbor.hasExtendedNextHop === true ? [line("capability extended-nexthop")] : []),
    ...(neighbor.hasBfd === true ? [line("bfd 3 50 50")] : []),
  ];
}

function renderFamily({ neighbors, told }: RouterConfig, family: Family): string[] {
  const own = told.filter(({ prefix }) => isOfFamily(prefix, family));
  const spoken = neighbors.filter(({ families }) => families.includes(family));
  return [
    ` address-family ipv${versionOf(family)} unicast`,
    ...own.map(
      (route) => `  network ${route.prefix}${hasAttributes(route) ? ` route-map ${routeMapName(route)}` : ""}`,
    ),
    ...spoken.flatMap((neighbor) => {
      const line = (text: string) => `  neighbor ${neighbor.linkName ?? neighbor.address} ${text}`;
      const { addPath, maxPrefixes, allowOwnAs } = neighbor;
      return [
        line("activate"),
        line("send-community all"),
        ...(neighbor.isClient === true ? [line("route-reflector-client")] : []),
        ...(addPath === "send" || addPath === "both" ? [line("addpath-tx-all-paths")] : []),
        ...(addPath === "send" || addPath === undefined ? [line("disable-addpath-rx")] : []),
        ...(maxPrefixes === undefined ? [] : [line(`maximum-prefix ${maxPrefixes}`)]),
        ...(allowOwnAs === undefined ? [] : [line(`allowas-in ${allowOwnAs}`)]),
      ];
    }),
    " exit-address-family",
  ];
}

function readPath(prefix: string, path: unknown): Seen {
  const hops = listOf(get(path, "nexthops"));
  const used = hops.find((hop) => get(hop, "used") === true) ?? hops[0];
  const originatorId = textOf(get(path, "originatorId"));
  const [localPref, med] = [get(path, "locPrf"), get(path, "metric")];
  return {
    prefix,
    nextHop: textOf(get(used, "ip")),
    asPath: textOf(get(path, "aspath", "string")).replace("Local", ""),
    communities: wordsOf(get(path, "community", "string")),
    largeCommunities: wordsOf(get(path, "largeCommunity", "string")),
    clusterList: listOf(get(path, "clusterList", "list")).map(textOf),
    isStale: get(path, "stale") === true,
    ...(typeof localPref === "number" ? { localPref } : {}),
    ...(typeof med === "number" ? { med } : {}),
    ...(originatorId === "" ? {} : { originatorId }),
  };
}
