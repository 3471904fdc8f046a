import { type IpAddress, addressFromBytes } from "../../lib/index.ts";
import type { Expression, NftSet, SetElement, Table } from "../../nft/index.ts";

/** A table in words like nft's, for people and golden files. Sets in the order of their names. */
export function listTable(table: Table): string {
  const sets = table.sets.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(listSet);
  const chains = table.chains.map((chain) => {
    const { hook } = chain;
    const head = hook === undefined ? "" : `  ${hook.hook} ${hook.priority}, policy ${hook.policy}\n`;
    const rules = chain.rules.map((rule) => {
      const comment = rule.comment === undefined ? "" : `   # ${rule.comment}`;
      return `  ${listRule(rule.expressions)}${comment}\n`;
    });
    return `chain ${chain.name}\n${head}${rules.join("")}`;
  });
  return [...sets, ...chains].join("\n");
}

function listSet(set: NftSet): string {
  const sort = set.isVerdictMap ? "map" : "set";
  const elements = set.elements.map((element) => `  ${listElement(set, element)}\n`).sort();
  return `${sort} ${set.name} of ${set.keyType.join(" . ")}${set.isInterval ? ", intervals" : ""}\n${elements.join("")}`;
}

function listElement({ keyType }: NftSet, { key, last, verdict }: SetElement): string {
  const octets = { nf_proto: 1, ipv4_addr: 4, ipv6_addr: 16, inet_proto: 1, inet_service: 2, mark: 4, ifname: 16 };
  let at = 0;
  const fields = keyType.map((field) => {
    const hex = key.slice(at, at + octets[field] * 2);
    at += ((octets[field] + 3) & ~3) * 2;
    return listValue(field, hex);
  });
  const end = last === undefined || last === key ? "" : `-${listValue(keyType[0]!, last)}`;
  const action = verdict === undefined ? "" : ` : ${listVerdict({ type: "verdict", verdict })}`;
  return `${fields.join(" . ")}${end}${action}`;
}

function listValue(field: string, hex: string): string {
  const bytes = Uint8Array.fromHex(hex);
  if (field === "ipv4_addr" || field === "ipv6_addr") return addressText(bytes);
  if (field === "ifname") return new TextDecoder().decode(bytes).replace(/\0+$/, "*").replace(/\*$/, "");
  return String(Number.parseInt(hex, 16));
}

/** Each test with what was loaded for it. */
function listRule(expressions: readonly Expression[]): string {
  const parts: string[] = [];
  let loaded: string[] = [];
  for (const expression of expressions) {
    switch (expression.type) {
      case "meta":
        loaded.push(expression.key);
        break;
      case "payload":
        loaded.push(payloadName(expression));
        break;
      case "connection":
        loaded.push(`ct ${expression.key}`);
        break;
      case "fib":
        loaded.push(`fib ${expression.flags.join(".")}`);
        break;
      case "bitwise":
        loaded.push(`& ${expression.mask}${Number.parseInt(expression.xor, 16) === 0 ? "" : ` ^ ${expression.xor}`}`);
        break;
      case "compare":
        parts.push(`${loaded.join(" ")} ${expression.operator} ${literal(loaded, expression.data)}`);
        // A range is two comparisons of one value.
        if (expression.operator === "==" || expression.operator === "!=" || expression.operator === "<=") loaded = [];
        break;
      case "range":
        parts.push(`${loaded.join(" ")} ${expression.isNot ? "not " : ""}in ${expression.from}-${expression.to}`);
        loaded = [];
        break;
      case "lookup":
        parts.push(`${loaded.join(" . ")} ${expression.isNot ? "not " : ""}in @${expression.set}`);
        loaded = [];
        break;
      case "lookupVerdict":
        parts.push(`${loaded.join(" . ")} vmap @${expression.map}`);
        loaded = [];
        break;
      case "setMeta":
        parts.push(`set ${loaded.join(" ")}`);
        loaded = [];
        break;
      case "verdict":
        parts.push(listVerdict(expression));
        break;
      case "log":
        parts.push(`log "${expression.prefix}"`);
        break;
      default:
        parts.push(expression.type);
    }
  }
  return parts.join("; ");
}

function listVerdict({ verdict }: Extract<Expression, { type: "verdict" }>): string {
  return "chain" in verdict ? `${verdict.type} ${verdict.chain}` : verdict.type;
}

function payloadName({ base, offset, length }: Extract<Expression, { type: "payload" }>): string {
  if (base === "transport")
    return ["sport", "", "dport"][offset] === "sport" && length < 2 ? "type" : offset === 2 ? "dport" : "sport";
  const isIpv6 = offset === 8 || offset === 24;
  return `${isIpv6 ? "ip6" : "ip"} ${offset === 8 || offset === 12 ? "saddr" : "daddr"}`;
}

function literal(loaded: readonly string[], data: string): string {
  const [first = ""] = loaded;
  if (first === "family") return data === "02" ? "ipv4" : "ipv6";
  if (first === "inputName" || first === "outputName") return new TextDecoder().decode(Uint8Array.fromHex(data));
  if (first.endsWith("addr")) return listPrefix(first, data);
  if (["transport", "sport", "dport", "type"].includes(first)) return String(Number.parseInt(data, 16));
  return data;
}

/** An address may be cut at a whole octet. */
function listPrefix(name: string, data: string): string {
  const bytes = new Uint8Array(name.startsWith("ip6") ? 16 : 4);
  bytes.set(Uint8Array.fromHex(data));
  return `${addressText(bytes)}/${data.length * 4}`;
}

function addressText(bytes: Uint8Array): IpAddress {
  return addressFromBytes(bytes);
}
