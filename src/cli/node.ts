import type { Command } from "commander";
import type { AgentRoutes, AgentStatus } from "../agent/index.ts";
import type { RibRow } from "../bgp/index.ts";
import { cidrContains, compareCidrs, formatAge, formatTable, parseAddress, parseCidr } from "../lib/index.ts";
import { type AgentOptions, askAgent, withAgentOption } from "./agent-socket.ts";
import { routeCells, routeHeadings } from "./bgp-tables.ts";
import { peerTypes } from "./bgp-words.ts";
import { BadInput } from "./failure.ts";

/** node status and node routes: what the agent of this host says of itself. */
export function addNodeCommands(program: Command): void {
  const node = program.command("node").description("ask the agent of this host");
  withAgentOption(node.command("status"))
    .description("BGP sessions and workloads of this host")
    .option("-o, --output <format>", "json")
    .action(async (options: AgentOptions & { output?: string }) => {
      const status = (await askAgent(options.agent, "GET", "/v1/status")) as AgentStatus;
      console.log(options.output === "json" ? JSON.stringify(status, undefined, 2) : describeStatus(status));
    });
  withAgentOption(node.command("routes"))
    .description("routes learned by BGP, and which step of the decision chose them")
    .argument("[prefix]", "a prefix, or an address: the routes that cover it")
    .option("-o, --output <format>", "json")
    .action(async (prefix: string | undefined, options: AgentOptions & { output?: string }) => {
      const { routes } = (await askAgent(options.agent, "GET", "/v1/routes")) as AgentRoutes;
      const shown = routes.filter(covering(prefix)).toSorted((a, b) => compareCidrs(a.prefix, b.prefix));
      console.log(options.output === "json" ? JSON.stringify(shown, undefined, 2) : describeRoutes(shown));
    });
}

function describeStatus(status: AgentStatus): string {
  const view = { server: "the server", snapshot: "its snapshot, since the server is away", none: "nothing yet" }[
    status.source
  ];
  const lines = [
    `${status.node}: agent up ${formatAge(status.uptimeMs)}, its view of the cluster comes from ${view}`,
    status.bgp.localAs === undefined
      ? "BGP: not running"
      : `BGP: AS ${status.bgp.localAs}, router id ${status.bgp.routerId}`,
    "",
    formatTable(
      ["PEER", "TYPE", "AS", "STATE", "SINCE", "RECEIVED", "SENT", "INFO"],
      status.bgp.peers.map((peer) => [
        peer.address,
        peerTypes[peer.type],
        String(peer.asNumber),
        peer.state,
        formatAge(peer.since),
        String(peer.prefixesReceived),
        String(peer.prefixesSent),
        peer.isRestarting ? "restarting; its routes are kept" : peer.lastError,
      ]),
    ),
    "",
    formatTable(
      ["ENDPOINT", "INTERFACE", "STATE", "READY"],
      status.endpoints.map((endpoint) => [
        endpoint.id.split("/").slice(1).join("/"),
        endpoint.interfaceName,
        endpoint.state,
        endpoint.isReady ? `at revision ${endpoint.revision}` : "no",
      ]),
    ),
    ...(status.failures.length === 0 ? [] : ["", "not programmed, will be tried again:", ...status.failures]),
  ];
  return lines.join("\n");
}

function describeRoutes(routes: readonly RibRow[]): string {
  const layout = { of: "table", isWide: false } as const;
  return formatTable(
    routeHeadings(layout),
    routes.flatMap((row) => routeCells(row, layout)),
  );
}

function covering(text: string | undefined): (row: RibRow) => boolean {
  if (text === undefined) return () => true;
  const wanted = parseAddress(text) ?? parseCidr(text, { hostBits: true });
  if (wanted === undefined)
    throw new BadInput([`${text}: neither an address nor a prefix; write it like 10.65.0.7 or 10.65.0.0/26`]);
  return (row) => cidrContains(row.prefix, wanted);
}
