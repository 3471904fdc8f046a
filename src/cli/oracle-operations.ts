import { type Result, failure, success } from "../lib/index.ts";
import { type PolicyModel, readModel, readProbe } from "../reach/index.ts";
import {
  type Json,
  applyDefaults,
  convertKubernetesObject,
  decodeResource,
  isRecord,
  isValueType,
  namespaceSelectorText,
  podSelectorText,
  readLabelSelector,
  readValue,
} from "../resources/index.ts";
import {
  type LabelRestriction,
  type Selector,
  evaluateSelector,
  isTokenizable,
  parseSelector,
  selectorRestrictions,
  selectorText,
  selectorUid,
} from "../selector/index.ts";
import { decodeBgp, encodeBgp, listBgpPeers } from "./oracle-bgp.ts";
import { type Answer, BadRequest, after, memberOf, textOf } from "./oracle-request.ts";

/** Every question that the oracle knows. The answer is the libraries'; nothing is decided here. */
export const operations: Readonly<Record<string, (request: Json) => Result<Answer>>> = {
  "selector.parse": (request) =>
    after(readSelector(request), (selector) => ({ canonical: selectorText(selector), uid: selectorUid(selector) })),
  "selector.eval": (request) => {
    const labels = readLabels(request);
    return after(readSelector(request), (selector) => ({ match: evaluateSelector(selector, labels) }));
  },
  "selector.tokens": (request) =>
    isTokenizable(textOf(request, "selector"))
      ? success({})
      : failure("selector", "holds what is no word of selectors"),
  "selector.restrictions": (request) =>
    after(readSelector(request), (selector) => ({
      restrictions: Object.fromEntries(
        [...selectorRestrictions(selector)].map(([label, restriction]) => [label, describeRestriction(restriction)]),
      ),
    })),
  "value.parse": (request) => {
    const type = textOf(request, "type");
    if (!isValueType(type)) throw new BadRequest(`there is no type of values ${type}`);
    const value = readValue(type, request["value"]);
    return value === undefined ? failure("value", `is no ${type}`) : success({ value });
  },
  "resource.validate": (request) =>
    after(decodeResource(memberOf(request, "resource"), { unknownFields: "keep" }), () => ({})),
  "resource.default": (request) => {
    const resource = memberOf(request, "resource");
    return after(applyDefaults(resource), (complete) => ({
      resource: complete,
      changed: JSON.stringify(complete) !== JSON.stringify(resource),
    }));
  },
  "k8s.convert": (request) => after(convertKubernetesObject(memberOf(request, "object")), (converted) => converted),
  "k8s.selector": convertSelector,
  "policy.verdict": (request) => {
    const model = readModel(memberOf(request, "model"));
    if (!model.ok) return model;
    const probe = readProbe(request, "");
    if (!probe.ok) return probe;
    const [from, to] = [workloadOf(request, "from", model.value), workloadOf(request, "to", model.value)];
    const { isAllowed, reason } = model.value.judge(from, to, probe.value);
    return success({ allowed: isAllowed, ...(reason === "" ? {} : { reason }) });
  },
  "policy.table": (request) => {
    const model = readModel(memberOf(request, "model"));
    if (!model.ok) return model;
    const asked = request["probes"];
    if (!Array.isArray(asked)) throw new BadRequest("probes must be a list");
    const probes = [];
    for (const [at, json] of asked.entries()) {
      const probe = readProbe(json, `probes[${at}]`);
      if (!probe.ok) return probe;
      probes.push(probe.value);
    }
    return success({ denied: model.value.denied(probes) });
  },
  "bgp.decode": decodeBgp,
  "bgp.encode": encodeBgp,
  "bgp.peers": listBgpPeers,
};

function readSelector(request: Json): Result<Selector> {
  const parsed = parseSelector(textOf(request, "selector"));
  if (parsed.ok) return parsed;
  return { ok: false, problems: parsed.problems.map((problem) => ({ ...problem, path: "selector" })) };
}

function readLabels(request: Json): Readonly<Record<string, string>> {
  const labels = request["labels"] ?? {};
  if (!isRecord(labels)) throw new BadRequest("labels must be an object");
  const entries = Object.entries(labels).map(([label, value]): [string, string] => {
    if (typeof value !== "string") throw new BadRequest(`the label ${label} must be text`);
    return [label, value];
  });
  return Object.fromEntries(entries);
}

function describeRestriction(restriction: LabelRestriction): Answer {
  switch (restriction.type) {
    case "present":
      return { present: true };
    case "absent":
      return { absent: true };
    case "values":
      return { present: true, values: restriction.values };
  }
}

function convertSelector(request: Json): Result<Answer> {
  const type = textOf(request, "type");
  const json = request["selector"] ?? null;
  if (type !== "pod" && type !== "namespace") throw new BadRequest("type must be pod or namespace");
  if (json === null) return success({ selector: type === "pod" ? podSelectorText(undefined) : "" });
  const text = type === "pod" ? podSelectorText : namespaceSelectorText;
  return after(readLabelSelector(json), (selector) => ({ selector: text(selector) }));
}

function workloadOf(request: Json, member: string, model: PolicyModel): string {
  const name = textOf(request, member);
  if (!model.has(name)) throw new BadRequest(`${member}: the model has no workload ${name}`);
  return name;
}
