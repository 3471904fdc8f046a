import { existsSync } from "node:fs";
import { type Command, Option } from "commander";
import type { RibRow } from "../bgp/index.ts";
import type { BgpNeighbors } from "../speaker/index.ts";
import { BadInput, exitStatus } from "./failure.ts";

type BgpOptions = {
  readonly socket?: string;
  readonly output?: "json" | "wide";
  readonly family?: "ipv4" | "ipv6";
};

const agentSocket = "/run/tortie/agent.sock";
const reflectorSocket = "/run/tortie/reflector.sock";

/** bgp neighbors, routes, route, received, advertised: what the speaker of this host says of itself. */
export function addBgpCommands(program: Command): void {
  const bgp = program.command("bgp").description("ask the BGP speaker of this host, the agent's or a reflector's");
  withBgpOptions(bgp.command("neighbors"))
    .description("sessions: state, prefixes, and why one does not stand; of one neighbor, all that is known")
    .argument("[name]", "name or address of a neighbor")
    .action((name: string | undefined, options: BgpOptions) => showNeighbors(name, options));
  withFamily(withBgpOptions(bgp.command("routes")))
    .description("all routes with all their paths, and what decided between them")
    .action((options: BgpOptions) => showRoutes("/v1/bgp/routes", options));
  withBgpOptions(bgp.command("route"))
    .description("the paths to one destination, and in words why each won or lost")
    .argument("<prefix>", "a prefix, or an address: the most specific route that covers it")
    .action((prefix: string, options: BgpOptions) => showRoute(prefix, options));
  withFamily(withBgpOptions(bgp.command("advertised")))
    .description("what a neighbor has been told")
    .argument("<name>", "name or address of a neighbor")
    .action((name: string, options: BgpOptions) => showRoutes("/v1/bgp/advertised", options, name));
  withFamily(withBgpOptions(bgp.command("received")))
    .description("what a neighbor has told, before any policy")
    .argument("<name>", "name or address of a neighbor")
    .action((name: string, options: BgpOptions) => showRoutes("/v1/bgp/received", options, name));
}

function withBgpOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--socket <path>",
        "control socket of the agent or the reflector (default: the agent's of this host, else the reflector's)",
      ).env("TORTIE_BGP_SOCKET"),
    )
    .addOption(new Option("-o, --output <format>", "json, or wide for more columns").choices(["json", "wide"]));
}

function withFamily(command: Command): Command {
  return command.addOption(new Option("--family <family>", "only these routes").choices(["ipv4", "ipv6"]));
}

function socketOf({ socket }: BgpOptions): string {
  if (socket !== undefined) return socket;
  return !existsSync(agentSocket) && existsSync(reflectorSocket) ? reflectorSocket : agentSocket;
}

async function showNeighbors(name: string | undefined, options: BgpOptions): Promise<void> {
  const { askAgent } = await import("../client/index.ts");
  const { describeNeighbor, describeNeighbors } = await import("./bgp-tables.ts");
  const path = pathWith("/v1/bgp/neighbors", name === undefined ? {} : { peer: name });
  const answer = (await askAgent(socketOf(options), "GET", path)) as BgpNeighbors;
  if (options.output === "json") console.log(JSON.stringify(answer, undefined, 2));
  else if (name === undefined) console.log(describeNeighbors(answer, options.output === "wide"));
  else console.log(answer.neighbors.map(describeNeighbor).join("\n\n"));
}

async function showRoutes(path: string, options: BgpOptions, peer?: string): Promise<void> {
  const { printJsonList, printOut, printTable } = await import("./print-rows.ts");
  const { routeCells, routeHeadings } = await import("./bgp-tables.ts");
  const { family } = options;
  const parameters = {
    ...(peer === undefined ? {} : { peer }),
    ...(family === undefined ? {} : { family: `${family}-unicast` }),
  };
  const rows = askRows(socketOf(options), pathWith(path, parameters));
  if (options.output === "json") {
    await printJsonList(rows, printOut);
    return;
  }
  const layout = { of: peer === undefined ? "table" : "peer", isWide: options.output === "wide" } as const;
  await printTable(
    routeHeadings(layout),
    flatten(rows, (row) => routeCells(row, layout)),
    printOut,
  );
}

async function showRoute(prefix: string, options: BgpOptions): Promise<void> {
  const { parseAddress, parseCidr } = await import("../lib/index.ts");
  const { describeRoute, routeCells, routeHeadings } = await import("./bgp-tables.ts");
  const { formatTable } = await import("../lib/index.ts");
  if (parseAddress(prefix) === undefined && parseCidr(prefix, { hostBits: true }) === undefined)
    throw new BadInput([`${prefix}: neither an address nor a prefix; write it like 10.65.0.7 or 10.65.0.0/26`]);
  const rows: RibRow[] = [];
  for await (const row of askRows(socketOf(options), pathWith("/v1/bgp/routes", { covering: prefix }))) rows.push(row);
  const [first, ...wider] = rows;
  if (options.output === "json") console.log(JSON.stringify(rows, undefined, 2));
  else if (first === undefined) console.log(`no route to ${prefix}`);
  else {
    console.log(describeRoute(first));
    const layout = { of: "table", isWide: options.output === "wide" } as const;
    const cells = wider.flatMap((row) => routeCells(row, layout));
    if (cells.length > 0)
      console.log(`\nless specific routes that cover it too:\n${formatTable(routeHeadings(layout), cells)}`);
  }
  if (first === undefined) process.exitCode = exitStatus.failed;
}

function pathWith(path: string, parameters: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(parameters).toString();
  return query === "" ? path : `${path}?${query}`;
}

async function* askRows(socketPath: string, path: string): AsyncGenerator<RibRow, void, void> {
  const { askAgentLines } = await import("../client/index.ts");
  for await (const line of askAgentLines(socketPath, path)) yield line as RibRow;
}

async function* flatten<T, U>(
  items: AsyncIterable<T>,
  split: (item: T) => readonly U[],
): AsyncGenerator<U, void, void> {
  for await (const item of items) yield* split(item);
}
