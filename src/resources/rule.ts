import { z } from "zod";
import { type Cidr, type IpVersion, type Problem, cidrLength, cidrVersion } from "../lib/index.ts";
import { Complaint, show } from "./complaint.ts";
import { cidr, reference } from "./network-fields.ts";
import { type Annotations, annotations } from "./object-meta.ts";
import { type Port, readPort, rulePort } from "./port.ts";
import { type Protocol, hasPorts, protocol, protocolNumber } from "./protocol.ts";
import { integer, isBlank, isEmptyList, list, object, optional, refine, required } from "./schema.ts";
import { anySelector, ruleNamespaceSelector, selectorWithoutGlobal } from "./selector-fields.ts";

export type RuleAction = "Allow" | "Deny" | "Log" | "Pass";

/** One line of a policy or profile. Everything that is present must hold; entries of one list are alternatives. */
export type Rule = {
  readonly action: RuleAction;
  /** Absent: both. */
  readonly ipVersion?: IpVersion;
  readonly protocol?: Protocol;
  readonly notProtocol?: Protocol;
  readonly icmp?: IcmpMatch;
  readonly notICMP?: IcmpMatch;
  readonly source?: EntityRule;
  readonly destination?: EntityRule;
  /** Judged, but not served: no resource that decodes has it (see `httpRules`). */
  readonly http?: HttpMatch;
  readonly metadata?: RuleMetadata;
};

type HttpMatch = {
  readonly methods?: readonly string[];
  readonly paths?: readonly { readonly exact?: string; readonly prefix?: string }[];
};

/** `type` 0..254; `code` 0..255, never without a type. */
export type IcmpMatch = { readonly type?: number; readonly code?: number };

export type RuleMetadata = { readonly annotations?: Annotations };

/** One end of a packet. Selectors are as the user wrote them and do parse. */
export type EntityRule = {
  readonly nets?: readonly Cidr[];
  readonly notNets?: readonly Cidr[];
  readonly selector?: string;
  readonly notSelector?: string;
  readonly namespaceSelector?: string;
  readonly ports?: readonly Port[];
  readonly notPorts?: readonly Port[];
  readonly serviceAccounts?: ServiceAccountMatch;
  readonly services?: ServiceMatch;
};

/** A Kubernetes service; without a namespace the policy's own is meant. */
export type ServiceMatch = { readonly name: string; readonly namespace?: string };

/** Both given: both must hold. */
export type ServiceAccountMatch = { readonly names?: readonly string[]; readonly selector?: string };

const maxRules = 1024;
const maxNets = 256;
const maxPorts = 50;
const maxHttpEntries = 20;
const maxHttpPathLength = 1024;
const tcp = 6;
const icmp = 1;
const icmpV6 = 58;

const net = cidr({});
const narrowedNet = refine(net, (prefix) => {
  if (cidrLength(prefix) > 0) return undefined;
  return new Complaint(
    `${show(prefix)} excludes every address, so that the rule would never match`,
    "remove the rule or this entry",
  );
});

const entity = object({
  nets: optional(list(net, { max: maxNets, isSet: true }), isEmptyList),
  notNets: optional(list(narrowedNet, { max: maxNets, isSet: true }), isEmptyList),
  selector: optional(selectorWithoutGlobal, isBlank),
  notSelector: optional(selectorWithoutGlobal, isBlank),
  namespaceSelector: optional(ruleNamespaceSelector, isBlank),
  ports: optional(list(rulePort, { max: maxPorts }), isEmptyList),
  notPorts: optional(list(rulePort, { max: maxPorts }), isEmptyList),
  serviceAccounts: optional(
    object({
      names: optional(list(z.string(), { isSet: true }), isEmptyList),
      selector: optional(anySelector, isBlank),
    }),
  ),
  services: optional(object({ name: required(reference, isBlank), namespace: optional(reference, isBlank) })),
});

const icmpMatch = refine(
  object({ type: optional(integer(0, 254)), code: optional(integer(0, 255)) }),
  ({ type, code }) =>
    code !== undefined && type === undefined ? new Complaint("has a code but no type", "give the type too") : undefined,
);

const httpPath = refine(
  object({ exact: optional(z.string(), isBlank), prefix: optional(z.string(), isBlank) }),
  ({ exact, prefix }) => {
    if ((exact === undefined) === (prefix === undefined)) return new Complaint("needs exact or prefix, and not both");
    const path = exact ?? prefix ?? "";
    if (/^\/[^?# ]*$/.test(path) && path.length <= maxHttpPathLength) return undefined;
    const hint = `begin it with /, without ?, # and blanks, ${maxHttpPathLength} characters at most`;
    return new Complaint(`${show(path)} is no path`, hint);
  },
);

const httpMatch = object({
  methods: optional(list(z.string(), { max: maxHttpEntries, isSet: true }), isEmptyList),
  paths: optional(list(httpPath, { max: maxHttpEntries }), isEmptyList),
});

const rule = refine(
  object({
    action: required(z.enum(["Allow", "Deny", "Log", "Pass"]), isBlank),
    ipVersion: optional(z.literal([4, 6])),
    protocol: optional(protocol),
    notProtocol: optional(protocol),
    icmp: optional(icmpMatch),
    notICMP: optional(icmpMatch),
    source: optional(entity),
    destination: optional(entity),
    http: optional(httpMatch),
    metadata: optional(object({ annotations: optional(annotations) })),
  }),
  (value) => {
    const nets = netsOf(value);
    return [...checkIcmp(value), ...checkIpVersion(value, nets), ...checkFamilies(nets), ...checkPorts(value)];
  },
);

type Place = {
  readonly direction: "ingress" | "egress";
  /** Rules of a global policy have no namespace to look for a service in. */
  readonly isGlobal?: boolean;
};

/** The ingress or egress rules of a policy or profile. */
export function rules(place: Place) {
  const placed = refine(rule, (value) => [...checkHttp(value, place), ...checkServices(value, place)]);
  return list(placed, { max: maxRules });
}

/** Those rules of a valid policy or profile that look into HTTP: packets are judged by their headers only here. */
export function httpRules({ spec }: { readonly spec: Readonly<Partial<Record<Place["direction"], readonly Rule[]>>> }) {
  return (["ingress", "egress"] as const).flatMap((direction) =>
    (spec[direction] ?? []).flatMap(({ http }, at): Problem[] => {
      if (http === undefined) return [];
      const path = `spec.${direction}[${at}].http`;
      const hint = "packets are judged by addresses, protocols and ports only; leave it out";
      return [{ path, message: "is not supported", hint }];
    }),
  );
}

function checkHttp({ http, action, protocol }: Rule, { direction }: Place): Complaint[] {
  if (http === undefined) return [];
  const complaints: Complaint[] = [];
  if (action !== "Allow") complaints.push(new Complaint("goes only with action: Allow", "remove it", ["http"]));
  if (direction === "egress") complaints.push(new Complaint("goes only with ingress rules", "remove it", ["http"]));
  if (protocol !== undefined && protocolNumber(protocol) !== tcp) {
    complaints.push(new Complaint("goes only with protocol TCP", "write protocol: TCP", ["http"]));
  }
  return complaints;
}

/** A service stands for the addresses, and in a destination also the ports, of those who serve it. */
function checkServices(rule: Rule, { direction, isGlobal = false }: Place): Complaint[] {
  return (["source", "destination"] as const).flatMap((end) => {
    const entity = rule[end];
    if (entity?.services === undefined) return [];
    const complaints: Complaint[] = [];
    const allowedEnd = direction === "ingress" ? "source" : "destination";
    if (end !== allowedEnd) {
      const hint = `write ${allowedEnd}.services`;
      complaints.push(new Complaint(`${direction} rules have no services here`, hint, [end, "services"]));
    }
    if (isGlobal && entity.services.namespace === undefined) {
      complaints.push(new Complaint("is missing", "say where the service is", [end, "services", "namespace"]));
    }
    const others = ["selector", "notSelector", "namespaceSelector", "nets", "notNets", "serviceAccounts"] as const;
    const ports = end === "destination" ? (["ports", "notPorts"] as const) : [];
    for (const other of [...others, ...ports]) {
      if (entity[other] === undefined) continue;
      complaints.push(new Complaint(`excludes ${other}`, "write two rules, or remove one", [end, "services"]));
    }
    return complaints;
  });
}

function isIcmp(value: Protocol | undefined): boolean {
  return value !== undefined && [icmp, icmpV6].includes(protocolNumber(value));
}

function checkIcmp(rule: Rule): Complaint[] {
  if (rule.icmp === undefined || isIcmp(rule.protocol)) return [];
  return [new Complaint("needs protocol ICMP or ICMPv6", "add protocol: ICMP beside it", ["icmp"])];
}

function checkIpVersion(rule: Rule, nets: readonly PlacedNet[]): Complaint[] {
  const { ipVersion } = rule;
  if (ipVersion === undefined) return [];
  const wanted = { [icmp]: 4, [icmpV6]: 6 } as const;
  const complaints: Complaint[] = [];
  for (const member of ["protocol", "notProtocol"] as const) {
    const value = rule[member];
    const needs =
      value === undefined
        ? undefined
        : Object.entries(wanted).find(([number]) => Number(number) === protocolNumber(value));
    if (needs === undefined || needs[1] === ipVersion) continue;
    complaints.push(
      new Complaint(`${show(value)} needs ipVersion ${needs[1]}, not ${ipVersion}`, "correct or remove ipVersion", [
        member,
      ]),
    );
  }
  for (const { path, prefix } of nets) {
    if (cidrVersion(prefix) === ipVersion) continue;
    complaints.push(
      new Complaint(`${show(prefix)} is not of ipVersion ${ipVersion}`, "correct or remove ipVersion", path),
    );
  }
  return complaints;
}

function checkFamilies(nets: readonly PlacedNet[]): Complaint[] {
  const other = nets.find(({ prefix }) => cidrVersion(prefix) !== (nets[0] && cidrVersion(nets[0].prefix)));
  if (other === undefined) return [];
  return [new Complaint("a rule cannot mix IPv4 and IPv6 prefixes", "write one rule for each", other.path)];
}

type PlacedNet = { readonly path: readonly (string | number)[]; readonly prefix: Cidr };

function netsOf(rule: Rule): PlacedNet[] {
  const found: PlacedNet[] = [];
  for (const end of ["source", "destination"] as const) {
    for (const member of ["nets", "notNets"] as const) {
      const nets = rule[end]?.[member];
      if (nets === undefined) continue;
      for (const [at, prefix] of nets.entries()) found.push({ path: [end, member, at], prefix });
    }
  }
  return found;
}

function checkPorts(rule: Rule): Complaint[] {
  const complaints: Complaint[] = [];
  for (const end of ["source", "destination"] as const) {
    for (const member of ["ports", "notPorts"] as const) {
      const ports = rule[end]?.[member] ?? [];
      if (rule.protocol === undefined) {
        const at = ports.findIndex((port) => readPort(port).type === "range");
        if (at !== -1)
          complaints.push(
            new Complaint("a port number needs a protocol", "add protocol: TCP, UDP or SCTP", [end, member, at]),
          );
      } else if (ports.length > 0 && !hasPorts(rule.protocol)) {
        complaints.push(
          new Complaint(`protocol ${rule.protocol} has no ports`, "use TCP, UDP or SCTP, or remove the ports", [
            end,
            member,
          ]),
        );
      }
    }
  }
  return complaints;
}
