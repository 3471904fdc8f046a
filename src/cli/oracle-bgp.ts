import { type MessageContext, type PeerConfig, allFamilies, describeMessage, encodeMessage } from "../bgp/index.ts";
import { CalcGraph, type SessionWanted, routerIdOf } from "../calc/index.ts";
import { type Problem, type Result, addressVersion, success } from "../lib/index.ts";
import { type Json, decodeResource, isRecord, keyOf } from "../resources/index.ts";
import { type Answer, BadRequest, after, memberOf, textOf } from "./oracle-request.ts";

export function decodeBgp(request: Json): Result<Answer> {
  const hex = textOf(request, "hex");
  if (!/^([0-9a-f]{2})*$/i.test(hex)) throw new BadRequest("hex must be pairs of hexadecimal digits");
  return success({ ...describeMessage(Uint8Array.fromHex(hex), messageContext(request)) });
}

export function encodeBgp(request: Json): Result<Answer> {
  const encoded = encodeMessage(memberOf(request, "message"), messageContext(request), "message");
  return after(encoded, (bytes) => ({ hex: bytes.toHex() }));
}

function messageContext(request: Json): MessageContext {
  const caps = request["caps"] ?? {};
  if (!isRecord(caps)) throw new BadRequest("caps must be an object");
  const { as4, addPath, extendedNextHop } = caps;
  const families = addPath ?? [];
  if (!Array.isArray(families)) throw new BadRequest("caps.addPath must be a list of families");
  return {
    isFourOctetAs: as4 !== false,
    isInternal: (request["peer"] ?? "ibgp") !== "ebgp",
    addPath: allFamilies.filter((family) => families.includes(family)),
    hasExtendedNextHop: extendedNextHop === true,
  };
}

/** The sessions that a node has over one IP version, worked out by the code that sets up its speaker. */
export function listBgpPeers(request: Json): Result<Answer> {
  const node = textOf(request, "node");
  const ipVersion = memberOf(request, "ipVersion");
  if (ipVersion !== 4 && ipVersion !== 6) throw new BadRequest("ipVersion must be 4 or 6");
  const given = memberOf(request, "resources");
  if (!Array.isArray(given)) throw new BadRequest("resources must be a list");
  const graph = new CalcGraph({ node });
  const problems: Problem[] = [];
  for (const [at, json] of given.entries()) {
    const decoded = decodeResource(json, { unknownFields: "keep" });
    const found = decoded.ok ? [] : decoded.problems;
    problems.push(...found.map((problem) => ({ ...problem, path: `resources[${at}].${problem.path}` })));
    if (decoded.ok) graph.onResource(keyOf(decoded.value), decoded.value);
  }
  if (problems.length > 0) return { ok: false, problems };
  graph.onSynced();
  const wanted = graph.flush().find((message) => message.type === "bgpUpdate");
  if (wanted?.type !== "bgpUpdate") throw new BadRequest("resources tell nothing about BGP");
  return success({
    asNumber: wanted.localAs,
    routerId: routerIdFor(node, request["routerId"]) ?? wanted.routerId,
    peers: wanted.sessions.filter(({ address }) => addressVersion(address) === ipVersion).map(describeSession),
  });
}

/** As somebody asks for it: an identifier, or the word `hash` for the one that is made of the node's name. */
function routerIdFor(node: string, asked: unknown): string | undefined {
  if (asked === "hash") return routerIdOf(node, undefined);
  return typeof asked === "string" ? asked : undefined;
}

const kindOfType: Readonly<Record<PeerConfig["type"], string>> = {
  nodeMesh: "mesh",
  nodePeer: "node",
  globalPeer: "global",
  workload: "workload",
  dynamic: "workload",
};

function describeSession(session: SessionWanted): Answer {
  return {
    kind: kindOfType[session.type],
    address: session.address,
    port: session.port,
    asNumber: session.asNumber,
    localAS: session.localAs ?? null,
    sourceAddress: session.localAddress ?? null,
    password: session.password ?? null,
    rrClient: session.reflectorCluster !== undefined,
    clusterId: session.reflectorCluster ?? null,
    ttlSecurity: session.ttlSecurityHops !== undefined,
    ...(session.ttlSecurityHops === undefined ? {} : { ttlHops: session.ttlSecurityHops }),
    nextHop: session.nextHopMode === "auto" ? "default" : session.nextHopMode,
    gracefulRestartTime: session.restartTimeSeconds ?? null,
    passive: session.isPassive,
    ...(session.allowLocalAs === undefined ? {} : { allowLocalAS: session.allowLocalAs }),
    importFilters: session.importFilters,
    exportFilters: session.exportFilters,
    ...(session.withheld === undefined ? {} : { withheld: session.withheld }),
  };
}
