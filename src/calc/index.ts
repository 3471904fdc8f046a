// From all resources of the cluster to what this host needs to know, incrementally.
// Must not know how any of it is programmed: no routes, no rules of the kernel, no links.
// Start at graph.ts, which draws the wiring; messages.ts is what comes out.
export { routerIdOf } from "./bgp-node.ts";
export { PasswordPlaces, passwordKeys, passwordNamespace, stripSecret } from "./bgp-passwords.ts";
export { CalcGraph } from "./graph.ts";
export { defaultSettings } from "./settings.ts";
export type {
  ActiveEntity,
  ActiveIcmp,
  ActivePolicy,
  ActiveProfile,
  ActiveRule,
  AdvertSource,
  BgpWanted,
  CalcMessage,
  Direction,
  EndpointTier,
  FailsafePort,
  HostSettings,
  LocalEndpoint,
  LocalHostEndpoint,
  NatSource,
  PortMatches,
  PortMember,
  PortRange,
  SessionWanted,
  SetMembers,
} from "./messages.ts";
