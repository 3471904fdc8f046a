import { appendFileSync, chmodSync } from "node:fs";
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

/**
 * ExaBGP keeps no table: what it hears goes line by line into a file, from which the table is made here. What it is to
 * do it reads from another file.
 */
export class ExaBgp implements Router {
  readonly place: Place;
  #config: RouterConfig | undefined;
  #told: readonly Told[] = [];
  #daemon: Daemon | undefined;

  constructor(place: Place) {
    this.place = place;
  }

  async start(config: RouterConfig): Promise<void> {
    this.#config = config;
    const { place } = this;
    place.write("commands", "");
    place.write("heard.json", "");
    const script = place.write(
      "api.sh",
      `#!/bin/sh\necho $$ > ${place.path("api.pid")}\ntail -n +1 -f ${place.path("commands")} &\nexec cat >> ${place.path("heard.json")}\n`,
    );
    chmodSync(script, 0o755);
    this.#told = config.told;
    const path = place.write("exabgp.conf", render(config, script));
    const settings = {
      "exabgp.daemon.drop": "false",
      "exabgp.daemon.user": "root",
      "exabgp.api.cli": "false",
      "exabgp.api.ack": "false",
      "exabgp.tcp.bind": config.neighbors.map(({ localAddress }) => localAddress).join(" "),
      "exabgp.tcp.port": "179",
      "exabgp.log.level": "INFO",
      "exabgp.log.destination": "stdout",
    };
    this.#daemon = place.start("exabgp.log", ["exabgp", path], settings);
    await soon(
      "ExaBGP to listen",
      () => place.isListening(179),
      (isListening) => isListening,
    );
  }

  #order(line: string): void {
    appendFileSync(this.place.path("commands"), `${line}\n`);
  }

  #address(neighbor: string): string {
    return this.#config?.neighbors.find(({ name }) => name === neighbor)?.address ?? "";
  }

  async tell(told: readonly Told[]): Promise<void> {
    const names = new Set(told.map(keyOf));
    for (const route of this.#told) if (!names.has(keyOf(route))) this.#order(`withdraw ${renderRoute(route)}`);
    for (const route of told) this.#order(`announce ${renderRoute(route)}`);
    this.#told = told;
  }

  #heard(neighbor: string): unknown[] {
    const address = this.#address(neighbor);
    const lines = this.place.read("heard.json").split("\n");
    return lines.map(parseLine).filter((line) => get(line, "neighbor", "address", "peer") === address);
  }

  async isUp(neighbor: string): Promise<boolean> {
    const states = this.#heard(neighbor).filter((line) => get(line, "type") === "state");
    return get(states.at(-1), "neighbor", "state") === "up";
  }

  async seen(neighbor: string, family: Family): Promise<readonly Seen[]> {
    const table = new Map<string, Seen>();
    for (const line of this.#heard(neighbor)) {
      if (get(line, "type") === "state" && get(line, "neighbor", "state") !== "up") table.clear();
      const update = get(line, "neighbor", "message", "update");
      for (const route of listOf(get(update, "withdraw", nameOf(family)))) table.delete(routeKey(route));
      for (const [nextHop, routes] of entriesOf(get(update, "announce", nameOf(family)))) {
        for (const route of listOf(routes)) {
          table.set(routeKey(route), readRoute(route, nextHop, get(update, "attribute")));
        }
      }
    }
    return [...table.values()];
  }

  async count(neighbor: string, family: Family): Promise<number> {
    return (await this.seen(neighbor, family)).length;
  }

  async askRefresh(neighbor: string, family: Family): Promise<void> {
    this.#order(`neighbor ${this.#address(neighbor)} announce route-refresh ${nameOf(family)}`);
  }

  async shutDown(neighbor: string): Promise<void> {
    this.#order(`neighbor ${this.#address(neighbor)} teardown 2`);
  }

  async words(): Promise<string> {
    return this.place.read("heard.json") + this.place.read("exabgp.log");
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

/** ExaBGP 4.2 breaks JSON in its lines about NOTIFICATION and ROUTE-REFRESH messages: they count for nothing here. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function nameOf(family: Family): string {
  return `ipv${versionOf(family)} unicast`;
}

function keyOf({ prefix, pathId }: Told): string {
  return `${prefix} ${pathId ?? ""}`;
}

function routeKey(route: unknown): string {
  return `${textOf(get(route, "nlri"))} ${textOf(get(route, "path-information"))}`;
}

function render(config: RouterConfig, script: string): string {
  return `process api {
  run ${script};
  encoder json;
}
${config.neighbors.map((neighbor) => renderNeighbor(neighbor, config)).join("\n")}
`;
}

function renderNeighbor(neighbor: Neighbor, config: RouterConfig): string {
  const { address, localAddress, remoteAs, families, password, restartSeconds, addPath, securityHops } = neighbor;
  const isExtended = neighbor.hasExtendedNextHop === true;
  const told = config.told.filter(({ prefix }) => families.some((family) => isOfFamily(prefix, family)));
  const direction =
    addPath === undefined ? undefined : { send: "send", receive: "receive", both: "send/receive" }[addPath];
  const lines = [
    `router-id ${config.routerId}; local-address ${localAddress}; local-as ${config.asNumber}; peer-as ${remoteAs};`,
    ...(neighbor.isPassive === true ? ["passive true; listen 179;"] : []),
    ...(password === undefined ? [] : [`md5-password '${password}';`]),
    ...(neighbor.holdSeconds === undefined ? [] : [`hold-time ${neighbor.holdSeconds};`]),
    ...(securityHops === undefined ? [] : [`outgoing-ttl 255; incoming-ttl ${256 - securityHops};`]),
    ...(neighbor.multihop === undefined ? [] : [`outgoing-ttl ${neighbor.multihop};`]),
    `family { ${families.map((family) => `${nameOf(family)};`).join(" ")} }`,
    "capability {",
    "  route-refresh enable; extended-message enable; asn4 enable;",
    ...(restartSeconds === undefined ? [] : [`  graceful-restart ${restartSeconds};`]),
    ...(direction === undefined ? [] : [`  add-path ${direction};`]),
    ...(isExtended ? ["  nexthop enable;"] : []),
    "}",
    ...(isExtended ? ["nexthop { ipv4 unicast ipv6; }"] : []),
    "api { processes [ api ]; neighbor-changes; receive { parsed; update; open; notification; refresh; } }",
    `static {\n    ${told.map((route) => `${renderRoute(route)};`).join("\n    ")}\n  }`,
  ];
  return `neighbor ${address} {\n  ${lines.join("\n  ")}\n}`;
}

function renderRoute(route: Told): string {
  const { prefix, nextHop, communities, largeCommunities, med, localPref, asPath, originatorId, clusterList, pathId } =
    route;
  return [
    `route ${prefix} next-hop ${nextHop}`,
    ...(pathId === undefined ? [] : [`path-information ${pathId}`]),
    ...(asPath === undefined ? [] : [`as-path [ ${asPath.join(" ")} ]`]),
    ...(med === undefined ? [] : [`med ${med}`]),
    ...(localPref === undefined ? [] : [`local-preference ${localPref}`]),
    ...(communities === undefined ? [] : [`community [ ${communities.join(" ")} ]`]),
    ...(largeCommunities === undefined ? [] : [`large-community [ ${largeCommunities.join(" ")} ]`]),
    ...(originatorId === undefined ? [] : [`originator-id ${originatorId}`]),
    ...(clusterList === undefined ? [] : [`cluster-list [ ${clusterList.join(" ")} ]`]),
  ].join(" ");
}

function readRoute(route: unknown, nextHop: string, attributes: unknown): Seen {
  const joined = (name: string) => listOf(get(attributes, name)).map((value) => listOf(value).map(textOf).join(":"));
  const [localPref, med] = [get(attributes, "local-preference"), get(attributes, "med")];
  const originatorId = textOf(get(attributes, "originator-id"));
  return {
    prefix: textOf(get(route, "nlri")),
    nextHop,
    asPath: listOf(get(attributes, "as-path")).flat().map(textOf).join(" "),
    communities: joined("community"),
    largeCommunities: joined("large-community"),
    clusterList: listOf(get(attributes, "cluster-list")).map(textOf),
    isStale: false,
    ...(typeof localPref === "number" ? { localPref } : {}),
    ...(typeof med === "number" ? { med } : {}),
    ...(originatorId === "" ? {} : { originatorId }),
  };
}
