import type { Family } from "../../../src/bgp/index.ts";
import { type Daemon, type Place, run } from "../network.ts";
import { soon } from "../waiting.ts";
import {
  type Neighbor,
  type Router,
  type RouterConfig,
  type Seen,
  type Told,
  isOfFamily,
  versionOf,
} from "./router.ts";

const socketName = "bird.ctl";

/** BIRD 2: one static protocol an IP version for its own routes, one BGP protocol a neighbour, named like it. */
export class Bird implements Router {
  readonly place: Place;
  #config: RouterConfig | undefined;
  #daemon: Daemon | undefined;

  constructor(place: Place) {
    this.place = place;
  }

  async start(config: RouterConfig, options: { readonly isRestart?: boolean } = {}): Promise<void> {
    this.#config = config;
    this.place.write("bird.conf", renderBird(config, this.place.path("bird.log")));
    const flags = options.isRestart === true ? ["-R"] : [];
    const files = ["-c", this.place.path("bird.conf"), "-s", this.place.path(socketName), "-P", this.place.path("pid")];
    this.#daemon = this.place.start("stderr.log", ["bird", "-f", ...flags, ...files]);
    await soon(
      "BIRD to answer",
      () => this.#ask("show status"),
      (text) => text.includes("Daemon is up"),
    );
  }

  async tell(told: readonly Told[]): Promise<void> {
    if (this.#config === undefined) throw new Error("BIRD was not started");
    this.#config = { ...this.#config, told };
    this.place.write("bird.conf", renderBird(this.#config, this.place.path("bird.log")));
    await this.#ask("configure");
  }

  async #ask(command: string): Promise<string> {
    const done = await run(
      "birdc",
      ["-r", "-s", this.place.path(socketName), command].filter((word) => word !== "-r" || command.startsWith("show")),
    );
    if (done.status !== 0) throw new Error(`birdc ${command}: ${done.stderr}${done.stdout}`);
    return done.stdout;
  }

  async isUp(neighbor: string): Promise<boolean> {
    return (await this.#ask(`show protocols ${neighbor}`)).includes("Established");
  }

  async seen(neighbor: string, family: Family): Promise<readonly Seen[]> {
    // BIRD does not mark what it keeps of a neighbour that is away.
    const isStale = !(await this.isUp(neighbor));
    const text = await this.#ask(`show route all protocol ${neighbor} table master${versionOf(family)}`);
    return readRoutes(text).map((route) => ({ ...route, isStale }));
  }

  async count(neighbor: string, family: Family): Promise<number> {
    const text = await this.#ask(`show route protocol ${neighbor} table master${versionOf(family)} count`);
    return Number(/^(\d+) of/m.exec(text)?.[1] ?? 0);
  }

  async askRefresh(neighbor: string): Promise<void> {
    await this.#ask(`reload in ${neighbor}`);
  }

  async shutDown(neighbor: string, reason: string): Promise<void> {
    await this.#ask(`disable ${neighbor} "${reason}"`);
  }

  async words(neighbor: string): Promise<string> {
    return (await this.#ask(`show protocols all ${neighbor}`)) + this.place.read("bird.log");
  }

  /** `Established` sessions of BFD. */
  async bfd(): Promise<string> {
    return await this.#ask("show bfd sessions");
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

function renderBird(config: RouterConfig, logPath: string): string {
  const { routerId, neighbors, told } = config;
  const statics = (["ipv4-unicast", "ipv6-unicast"] as const).map((family) => {
    const routes = told.filter(({ prefix }) => isOfFamily(prefix, family)).map(renderRoute);
    return `protocol static own${versionOf(family)} { ipv${versionOf(family)}; ${routes.join("\n  ")} }`;
  });
  return `log "${logPath}" all;
debug protocols { states, events, packets };
router id ${routerId};
protocol device { scan time 1; }
protocol direct { ipv4; ipv6; }
protocol kernel { learn; persist; graceful restart on; ipv4 { import all; export where source = RTS_BGP; }; }
protocol kernel { learn; persist; graceful restart on; ipv6 { import all; export where source = RTS_BGP; }; }
protocol bfd { interface "*" { interval 50 ms; multiplier 3; }; multihop { interval 50 ms; multiplier 3; }; }
${statics.join("\n")}
${neighbors.map((neighbor) => renderNeighbor(neighbor, config)).join("\n")}
`;
}

function renderRoute({ prefix, communities = [], largeCommunities = [], med, localPref }: Told): string {
  const pair = (text: string) => `(${text.replaceAll(":", ", ")})`;
  const settings = [
    ...communities.map((value) => `bgp_community.add(${pair(value)});`),
    ...largeCommunities.map((value) => `bgp_large_community.add(${pair(value)});`),
    ...(med === undefined ? [] : [`bgp_med = ${med};`]),
    ...(localPref === undefined ? [] : [`bgp_local_pref = ${localPref};`]),
  ];
  return `route ${prefix} blackhole${settings.length === 0 ? "" : ` { ${settings.join(" ")} }`};`;
}

function renderNeighbor(neighbor: Neighbor, config: RouterConfig): string {
  const { name, address, localAddress, linkName, remoteAs, families } = neighbor;
  const localAs = config.asNumber;
  const isInternal = localAs === remoteAs;
  const lines = [
    linkName === undefined
      ? `local ${localAddress} as ${localAs}; neighbor ${address} as ${remoteAs};`
      : `local ${localAddress} as ${localAs}; neighbor ${address} as ${remoteAs}; interface "${linkName}";`,
    "connect delay time 1; connect retry time 1; error wait time 1, 2;",
    "enable extended messages on;",
    ...(neighbor.multihop === undefined && (neighbor.securityHops ?? 1) === 1
      ? // Next hops of internal neighbours need not be on the link.
        isInternal
        ? []
        : ["direct;"]
      : [`multihop ${neighbor.multihop ?? neighbor.securityHops};`]),
    ...(neighbor.isPassive === true ? ["passive on;"] : []),
    ...(neighbor.password === undefined ? [] : [`password "${neighbor.password}";`]),
    ...(neighbor.securityHops === undefined ? [] : ["ttl security on;"]),
    ...(neighbor.restartSeconds === undefined
      ? ["graceful restart aware;"]
      : [`graceful restart on; graceful restart time ${neighbor.restartSeconds};`]),
    ...(neighbor.longLivedSeconds === undefined
      ? []
      : [`long lived graceful restart on; long lived stale time ${neighbor.longLivedSeconds};`]),
    ...(neighbor.isClient === true ? [`rr client; rr cluster id ${config.clusterId ?? config.routerId};`] : []),
    ...(neighbor.allowOwnAs === undefined ? [] : [`allow local as ${neighbor.allowOwnAs};`]),
    ...(neighbor.hasBfd === true ? ["bfd on;"] : []),
    ...(neighbor.holdSeconds === undefined ? [] : [`hold time ${neighbor.holdSeconds};`]),
    ...families.map((family) => renderChannel(neighbor, family, config.isTransit === true, isInternal)),
  ];
  return `protocol bgp ${name} {\n  ${lines.join("\n  ")}\n}`;
}

function renderChannel(neighbor: Neighbor, family: Family, isTransit: boolean, isInternal: boolean): string {
  const { addPath, maxPrefixes, localAddress } = neighbor;
  const isForeign = localAddress.includes(":") !== (family === "ipv6-unicast");
  const lines = [
    "import all;",
    isTransit ? "export where source = RTS_STATIC || source = RTS_BGP;" : "export where source = RTS_STATIC;",
    ...(isForeign && neighbor.hasExtendedNextHop !== true ? [`next hop address ${neighbor.nextHops[family]};`] : []),
    ...(isInternal && !isTransit && !isForeign ? ["next hop self;"] : []),
    ...(addPath === undefined ? [] : [`add paths ${{ send: "tx", receive: "rx", both: "on" }[addPath]};`]),
    ...(maxPrefixes === undefined ? [] : [`receive limit ${maxPrefixes} action disable;`]),
    ...(neighbor.hasExtendedNextHop === true && family === "ipv4-unicast" ? ["extended next hop on;"] : []),
  ];
  return `ipv${versionOf(family)} { ${lines.join(" ")} };`;
}

/** A prefix stands once, before the first of its routes; each route has its attributes on lines of their own. */
function readRoutes(text: string): Seen[] {
  const routes: Seen[] = [];
  let prefix = "";
  let attributes: string[] = [];
  const close = () => {
    if (attributes.length > 0) routes.push(readRoute(prefix, attributes));
  };
  for (const line of text.split("\n")) {
    const start = /^(\S+\/\d+)?\s+\S+ \[.*$/.exec(line);
    if (start === null) {
      if (attributes.length > 0) attributes.push(line.trim());
      continue;
    }
    close();
    prefix = start[1] ?? prefix;
    attributes = [line];
  }
  close();
  return routes;
}

function readRoute(prefix: string, lines: readonly string[]): Seen {
  const get = (name: string) => lines.find((line) => line.startsWith(`BGP.${name}: `))?.slice(name.length + 6);
  const list = (name: string) => [...(get(name) ?? "").matchAll(/\(([^)]+)\)/g)].map((found) => found[1] ?? "");
  const [localPref, med, originatorId] = [get("local_pref"), get("med"), get("originator_id")];
  return {
    prefix,
    nextHop: get("next_hop") ?? "",
    asPath: get("as_path") ?? "",
    communities: list("community").map((value) => value.replaceAll(",", ":")),
    largeCommunities: list("large_community").map((value) => value.replaceAll(", ", ":")),
    clusterList: get("cluster_list")?.split(" ") ?? [],
    isStale: false,
    ...(localPref === undefined ? {} : { localPref: Number(localPref) }),
    ...(med === undefined ? {} : { med: Number(med) }),
    ...(originatorId === undefined ? {} : { originatorId }),
  };
}
