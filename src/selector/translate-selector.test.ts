import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSelector } from "./parse-selector.ts";
import { selectorText } from "./selector-text.ts";
import { hashId, selectorUid } from "./selector-uid.ts";
import { translateEntity, translateGlobalPolicySubject, translateNetworkPolicySubject } from "./translate-selector.ts";

function parse(text: string | undefined) {
  if (text === undefined) return undefined;
  const parsed = parseSelector(text);
  assert.ok(parsed.ok, text);
  return parsed.value;
}

const inShop = 'projectcalico.org/namespace == "shop"';
const hasNamespace = "has(projectcalico.org/namespace)";

type Entity = { selector?: string; not?: string; ns?: string; accounts?: { names?: string[]; selector?: string } };

test("one side of a rule becomes one selector over endpoint labels", () => {
  const cases: [Entity, string | undefined, string | undefined][] = [
    [{}, "shop", undefined],
    [{}, undefined, undefined],
    [{ selector: "a == '1'" }, "shop", `(${inShop} && a == "1")`],
    [{ selector: "a == '1'" }, undefined, 'a == "1"'],
    [{ selector: "a == '1' || has(b)" }, "shop", `(${inShop} && (a == "1" || has(b)))`],
    [{ not: "a == '1'" }, "shop", inShop],
    [{ not: "a == '1'" }, undefined, undefined],
    [{ accounts: {} }, "shop", inShop],
    [{ ns: "stage == 'x'" }, "shop", 'pcns.stage == "x"'],
    [{ ns: "all()" }, "shop", hasNamespace],
    [{ ns: "" }, "shop", hasNamespace],
    [{ ns: "all() && has(a)" }, undefined, `(${hasNamespace} && has(pcns.a))`],
    [{ ns: "a == 'all()'" }, undefined, 'pcns.a == "all()"'],
    [{ ns: "global()" }, "shop", `!${hasNamespace}`],
    [{ ns: "global()", selector: "has(a)" }, "shop", `(!${hasNamespace} && has(a))`],
    [{ ns: "!a in {'1'}", selector: "all()" }, "shop", '(!pcns.a in {"1"} && all())'],
    [{ accounts: { names: ["b", "a"] } }, undefined, 'projectcalico.org/serviceaccount in {"a", "b"}'],
    [{ accounts: { selector: "has(a)" } }, "shop", `(${inShop} && has(pcsa.a))`],
    [
      { accounts: { names: ["a"], selector: "has(a)" }, selector: "has(b)", ns: "has(c)" },
      "shop",
      '(has(pcns.c) && (has(pcsa.a) && projectcalico.org/serviceaccount in {"a"}) && has(b))',
    ],
    [{ accounts: { names: [`'"`] } }, undefined, "projectcalico.org/serviceaccount in {}"],
  ];
  for (const [{ selector, not, ns, accounts }, namespace, expected] of cases) {
    const translated = translateEntity(
      {
        selector: parse(selector),
        notSelector: parse(not),
        namespaceSelector: parse(ns),
        serviceAccounts: accounts && { names: accounts.names, selector: parse(accounts.selector) },
      },
      namespace,
    );
    assert.equal(translated?.text, expected);
    if (translated !== undefined) assert.deepEqual(parse(translated.text), translated);
  }
});

test("a policy applies within its namespace and to its service accounts", () => {
  const subject = (selector?: string, serviceAccountSelector?: string) =>
    translateNetworkPolicySubject({
      namespace: "shop",
      selector: parse(selector),
      serviceAccountSelector: parse(serviceAccountSelector),
    }).text;
  assert.equal(subject(), inShop);
  assert.equal(subject("has(a)"), `(has(a) && ${inShop})`);
  assert.equal(subject("has(a) || has(b)", "has(c)"), `(((has(a) || has(b)) && ${inShop}) && has(pcsa.c))`);
});

test("a global policy applies everywhere unless it asks for namespaces or service accounts", () => {
  const subject = (selector?: string, namespaceSelector?: string, serviceAccountSelector?: string) =>
    translateGlobalPolicySubject({
      selector: parse(selector),
      namespaceSelector: parse(namespaceSelector),
      serviceAccountSelector: parse(serviceAccountSelector),
    }).text;
  assert.equal(subject(), "all()");
  assert.equal(subject("has(a)"), "has(a)");
  assert.equal(subject(undefined, "all()"), hasNamespace);
  assert.equal(subject("has(a)", "all() && b == 'c'"), `(has(a) && (${hasNamespace} && pcns.b == "c"))`);
  assert.equal(
    subject("has(a)", "has(b)", "all()"),
    "((has(a) && has(pcns.b)) && has(projectcalico.org/serviceaccount))",
  );
});

test("a selector's UID is that of Calico", () => {
  const uid = (text: string) => selectorUid(parse(text)!);
  assert.equal(uid("all()"), "s:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug");
  assert.equal(uid("! (has(b)||!has(a))"), "s:Iss0uCleLYv1GSv_pNm7hAO58kE9jAx1NKyG3Q");
  assert.equal(uid("has(a)"), hashId("s:", selectorText(parse("has( a )")!)));
});
