import { assert } from "../lib/index.ts";
import {
  type EntityRule,
  type IcmpMatch,
  type Port,
  type Protocol,
  type Rule,
  protocolNumber,
  readPort,
} from "../resources/index.ts";
import { type Selector, hashId, makeSelector, parseSelector, selectorUid, translateEntity } from "../selector/index.ts";
import type { SetDefinition } from "./member-sets.ts";
import type { ActiveEntity, ActiveIcmp, ActiveRule, PortMatches, PortRange } from "./messages.ts";

/** A selector of a decoded resource: that it parses has been seen to. */
export function readSelector(text: string): Selector {
  const parsed = parseSelector(text);
  assert(parsed.ok, `the selector ${text} of a decoded resource does not parse`);
  return parsed.value;
}

/** Turns rules as users write them into rules over sets, and collects what those sets hold. */
export class RuleTranslator {
  readonly sets = new Map<string, SetDefinition>();
  readonly #namespace: string | undefined;

  /** The namespace of the policy; undefined for global policies and profiles. */
  constructor(namespace: string | undefined) {
    this.#namespace = namespace;
  }

  translate(rule: Rule): ActiveRule {
    const services = rule.source?.services ?? rule.destination?.services;
    // Nobody here knows who serves a service. What cannot be decided must not open: such a rule matches nothing, or, if it
    // denies, whatever the rest of it says.
    if (services !== undefined && rule.action !== "Deny") return { action: rule.action, ...nothing };
    const { action, ipVersion, protocol, notProtocol, icmp, notICMP } = rule;
    return {
      action,
      ...(ipVersion === undefined ? {} : { ipVersion }),
      ...(protocol === undefined ? {} : { protocol: protocolNumber(protocol) }),
      ...(notProtocol === undefined ? {} : { notProtocol: protocolNumber(notProtocol) }),
      ...(icmp === undefined ? {} : { icmp: copyIcmp(icmp) }),
      ...(notICMP === undefined ? {} : { notIcmp: copyIcmp(notICMP) }),
      source: this.#translateEntity(rule.source ?? {}, protocol),
      destination: this.#translateEntity(rule.destination ?? {}, protocol),
    };
  }

  #translateEntity(entity: EntityRule, protocol: Protocol | undefined): ActiveEntity {
    const { nets, notNets, ports, notPorts } = entity;
    const { selector, notSelector } = this.#selectorsOf(entity);
    const portsOf = (list: readonly Port[]) => this.#translatePorts(list, selector, protocol);
    return {
      ...(nets === undefined ? {} : { nets }),
      ...(notNets === undefined ? {} : { notNets }),
      // The sets of named ports are narrowed by the selector: where they decide alone its own set would add nothing.
      ...(selector === undefined || hasOnlyNames(ports) ? {} : { inSet: this.#defineNets(selector) }),
      ...(notSelector === undefined ? {} : { notInSet: this.#defineNets(notSelector) }),
      ...(ports === undefined ? {} : { ports: portsOf(ports) }),
      ...(notPorts === undefined ? {} : { notPorts: portsOf(notPorts) }),
    };
  }

  /** A selector and a notSelector are one test on each object; a notSelector alone is a test on addresses. */
  #selectorsOf(entity: EntityRule): { selector?: Selector; notSelector?: Selector } {
    const { names, selector: accountSelector } = entity.serviceAccounts ?? {};
    const hasAccounts = (names !== undefined && names.length > 0) || accountSelector !== undefined;
    const notSelector = parseOptional(entity.notSelector);
    const selector = translateEntity(
      {
        selector: parseOptional(entity.selector),
        notSelector,
        namespaceSelector: parseOptional(entity.namespaceSelector),
        serviceAccounts: hasAccounts ? { names, selector: parseOptional(accountSelector) } : undefined,
      },
      this.#namespace,
    );
    if (selector === undefined) return notSelector === undefined ? {} : { notSelector };
    if (notSelector === undefined) return { selector };
    const excluded = { type: "not", operand: notSelector.root } as const;
    return { selector: makeSelector({ type: "and", operands: [selector.root, excluded] }) };
  }

  #translatePorts(list: readonly Port[], selector: Selector | undefined, protocol: Protocol | undefined): PortMatches {
    const ranges: PortRange[] = [];
    const inSets: string[] = [];
    for (const port of list) {
      const match = readPort(port);
      if (match.type === "range") ranges.push({ first: match.first, last: match.last });
      else inSets.push(this.#definePorts(selector ?? everything, match.name, protocol));
    }
    return { ranges, inSets: [...new Set(inSets)] };
  }

  #defineNets(selector: Selector): string {
    const id = selectorUid(selector);
    this.sets.set(id, { type: "nets", selector });
    return id;
  }

  #definePorts(selector: Selector, portName: string, protocol: Protocol | undefined): string {
    const number = protocol === undefined ? undefined : protocolNumber(protocol);
    const id = hashId("n:", `${selectorUid(selector)},${number ?? ""},${portName}`);
    this.sets.set(id, { type: "ports", selector, portName, ...(number === undefined ? {} : { protocol: number }) });
    return id;
  }
}

const everything = makeSelector({ type: "all" });

/** No packet comes from here. */
const nothing: Pick<ActiveRule, "source" | "destination"> = { source: { nets: [] }, destination: {} };

function hasOnlyNames(ports: readonly Port[] | undefined): boolean {
  return ports !== undefined && ports.length > 0 && ports.every((port) => readPort(port).type === "name");
}

function parseOptional(text: string | undefined): Selector | undefined {
  return text === undefined ? undefined : readSelector(text);
}

function copyIcmp({ type, code }: IcmpMatch): ActiveIcmp {
  return { ...(type === undefined ? {} : { type }), ...(code === undefined ? {} : { code }) };
}
