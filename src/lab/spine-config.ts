import type { OriginatedRoute, SpeakerConfig } from "../bgp/index.ts";
import { type Result, addressVersion, failure, parseAddress, parseCidr, success, isJsonObject } from "../lib/index.ts";
import type { SpineConfig, SpineSession } from "./lab-part.ts";

const bgpPort = 179;
const restartTimeSeconds = 120;
const usualLocalPref = 100;

/** A spine waits for its hosts: they know when they are ready. */
export function speakerConfig(config: SpineConfig): SpeakerConfig {
  return {
    localAs: config.asNumber,
    routerId: config.routerId,
    listenPort: bgpPort,
    restartTimeSeconds,
    exportWithin: "all",
    peers: config.sessions.map(({ host, asNumber, address, localAddress }) => {
      const version = addressVersion(address);
      return {
        name: `${host}-v${version}`,
        type: "globalPeer",
        address,
        localAddress,
        port: bgpPort,
        asNumber,
        isPassive: true,
        families: [version === 4 ? "ipv4-unicast" : "ipv6-unicast"],
        nextHopMode: "auto",
      };
    }),
  };
}

export function originatedRoutes(config: SpineConfig): OriginatedRoute[] {
  return config.networks.map((prefix) => ({ prefix, localPref: usualLocalPref }));
}

/** Reads what the keeper wrote; a spine can also be run by itself. */
export function decodeSpineConfig(json: unknown): Result<SpineConfig> {
  if (!isJsonObject(json)) return failure("", "the configuration of a spine is a mapping");
  const routerId = parseAddress(String(json["routerId"]));
  const asNumber = readAsNumber(json["asNumber"]);
  const networks = listOf(json["networks"]).map((network) => parseCidr(String(network)));
  const sessions = listOf(json["sessions"]).map(readSession);
  if (asNumber === undefined) return failure("asNumber", "is no AS number");
  if (routerId === undefined) return failure("routerId", "is no address");
  const badNetwork = networks.indexOf(undefined);
  if (badNetwork !== -1) return failure(`networks[${badNetwork}]`, "is no prefix");
  const badSession = sessions.indexOf(undefined);
  if (badSession !== -1) {
    return failure(`sessions[${badSession}]`, "is no session", "it has host, asNumber, address and localAddress");
  }
  return success({
    asNumber,
    routerId,
    networks: networks.filter((network) => network !== undefined),
    sessions: sessions.filter((session) => session !== undefined),
  });
}

function readSession(json: unknown): SpineSession | undefined {
  if (!isJsonObject(json)) return undefined;
  const asNumber = readAsNumber(json["asNumber"]);
  const address = parseAddress(String(json["address"]));
  const localAddress = parseAddress(String(json["localAddress"]));
  if (asNumber === undefined || address === undefined || localAddress === undefined) return undefined;
  return { host: String(json["host"]), asNumber, address, localAddress };
}

function readAsNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value < 2 ** 32 ? value : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
