import { addressVersion, assert, unreachable } from "../../lib/index.ts";
import type { Chain, Expression, HookName, NftSet, Rule, Table, Verdict } from "../../nft/index.ts";
import { type Outcome, type Packet, networkHeader, transportHeader } from "./packet.ts";

/**
 * What nf_tables does with a packet, for the expressions that our table is made of: registers, chains, jumps, maps. Written
 * from the kernel's behaviour, without a look at how the table is made.
 */
export function runTable(table: Table, packet: Packet): Outcome {
  const run = new Run(table, packet);
  const hooks: HookName[] = ["prerouting", packet.outputName === undefined ? "input" : "forward"];
  const verdict = hooks.every((hook) => run.hook(hook) === "accept") ? "accept" : "drop";
  return { verdict, logged: run.logged };
}

const octetsOf = { nf_proto: 1, ipv4_addr: 4, ipv6_addr: 16, inet_proto: 1, inet_service: 2, mark: 4, ifname: 16 };
const stateBits = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 };

class Run {
  readonly logged: string[] = [];
  readonly #chains: ReadonlyMap<string, Chain>;
  readonly #sets: ReadonlyMap<string, NftSet>;
  readonly #chainsByHook: readonly Chain[];
  readonly #packet: Packet;
  readonly #registers = new Uint8Array(64);
  #mark = 0;
  #depth = 0;

  constructor(table: Table, packet: Packet) {
    this.#chains = new Map(table.chains.map((chain) => [chain.name, chain]));
    this.#sets = new Map(table.sets.map((set) => [set.name, set]));
    assert(this.#chains.size === table.chains.length, "every chain has a name of its own");
    assert(this.#sets.size === table.sets.length, "every set has a name of its own");
    this.#chainsByHook = table.chains.filter(({ hook }) => hook !== undefined);
    this.#packet = packet;
  }

  hook(name: HookName): "accept" | "drop" {
    for (const chain of this.#chainsByHook.filter(({ hook }) => hook?.hook === name)) {
      const verdict = this.#runChain(chain) ?? chain.hook?.policy;
      if (verdict !== "accept") return "drop";
    }
    return "accept";
  }

  /** Undefined: its end was reached, or a return. */
  #runChain(chain: Chain): "accept" | "drop" | undefined {
    assert(++this.#depth <= 16, "the kernel allows 16 jumps within each other");
    for (const rule of chain.rules) {
      const verdict = this.#runRule(rule);
      if (verdict === undefined) continue;
      const end = this.#follow(verdict);
      if (end !== "continue") {
        this.#depth--;
        return end;
      }
    }
    this.#depth--;
    return undefined;
  }

  #follow(verdict: Verdict): "accept" | "drop" | "continue" | undefined {
    switch (verdict.type) {
      case "accept":
      case "drop":
        return verdict.type;
      case "return":
        return undefined;
      case "jump":
        return this.#runChain(this.#chain(verdict.chain)) ?? "continue";
      case "goto":
        return this.#runChain(this.#chain(verdict.chain));
    }
  }

  #chain(name: string): Chain {
    const chain = this.#chains.get(name);
    assert(chain !== undefined, `there is a chain ${name}`);
    return chain;
  }

  #runRule(rule: Rule): Verdict | undefined {
    for (const expression of rule.expressions) {
      const outcome = this.#step(expression);
      if (outcome === "break") return undefined;
      if (outcome !== undefined) return outcome;
    }
    return undefined;
  }

  #step(expression: Expression): Verdict | "break" | undefined {
    switch (expression.type) {
      case "meta":
        return this.#store(expression.register, this.#meta(expression.key));
      case "setMeta":
        assert(expression.key === "mark", "only the mark is set");
        this.#mark = new DataView(this.#registers.buffer).getUint32(this.#at(expression.register), true);
        return undefined;
      case "payload": {
        const header = expression.base === "network" ? networkHeader(this.#packet) : transportHeader(this.#packet);
        const bytes = header.subarray(expression.offset, expression.offset + expression.length);
        return bytes.length < expression.length ? "break" : this.#store(expression.register, bytes);
      }
      case "compare":
        return this.#compare(expression.register, expression.operator, expression.data) ? undefined : "break";
      case "range": {
        const value = this.#load(expression.register, expression.from.length / 2);
        const isInside = value >= expression.from && value <= expression.to;
        return isInside === expression.isNot ? "break" : undefined;
      }
      case "bitwise": {
        const [mask, xor] = [Uint8Array.fromHex(expression.mask), Uint8Array.fromHex(expression.xor)];
        const source = Uint8Array.fromHex(this.#load(expression.source, mask.length));
        return this.#store(
          expression.target,
          source.map((octet, i) => (octet & mask[i]!) ^ xor[i]!),
        );
      }
      case "lookup":
        return (this.#find(expression.set, expression.register) !== undefined) === expression.isNot
          ? "break"
          : undefined;
      case "lookupVerdict":
        return this.#find(expression.map, expression.register)?.verdict ?? "break";
      case "verdict":
        return expression.verdict;
      case "connection":
        assert(expression.key === "state", "only the state is asked");
        return this.#store(expression.register, hostOrder(stateBits[this.#packet.state]));
      case "fib":
        assert(expression.isPresence, "only presence is asked");
        return this.#store(expression.register, hostOrder(this.#packet.isSourceReal ? 1 : 0));
      case "counter":
        return undefined;
      case "log":
        this.logged.push(expression.prefix);
        return undefined;
      case "immediate":
      case "limit":
      case "reject":
      case "notrack":
      case "unknown":
        throw new Error(`the interpreter does not know ${expression.type}`);
      default:
        return unreachable(expression);
    }
  }

  #meta(key: string): Uint8Array {
    const { inputName, outputName = "", source, protocol } = this.#packet;
    switch (key) {
      case "inputName":
        return nameOctets(inputName);
      case "outputName":
        return nameOctets(outputName);
      case "family":
        return Uint8Array.of(addressVersion(source) === 4 ? 2 : 10);
      case "transport":
        return Uint8Array.of(protocol);
      case "mark":
        return hostOrder(this.#mark);
    }
    throw new Error(`the interpreter does not know meta ${key}`);
  }

  #find(setName: string, register: number): NftSet["elements"][number] | undefined {
    const set = this.#sets.get(setName);
    assert(set !== undefined, `there is a set ${setName}`);
    const lengths = set.keyType.map((field) => octetsOf[field]);
    const isConcatenated = lengths.length > 1;
    const total = lengths.reduce((sum, length) => sum + (isConcatenated ? (length + 3) & ~3 : length), 0);
    const key = this.#load(register, total);
    return set.elements.find((element) =>
      set.isInterval ? element.key <= key && key <= element.last! : element.key === key,
    );
  }

  #compare(register: number, operator: string, data: string): boolean {
    const value = this.#load(register, data.length / 2);
    switch (operator) {
      case "==":
        return value === data;
      case "!=":
        return value !== data;
      case "<=":
        return value <= data;
      case ">=":
        return value >= data;
    }
    throw new Error(`the interpreter does not know ${operator}`);
  }

  /** Registers of 16 octets count from 1; those of 4 from 8, over the same octets. */
  #at(register: number): number {
    return register < 8 ? (register - 1) * 16 : (register - 8) * 4;
  }

  /** Short values leave the rest of their 4 octets zero. */
  #store(register: number, bytes: Uint8Array): undefined {
    const padded = new Uint8Array((bytes.length + 3) & ~3);
    padded.set(bytes);
    this.#registers.set(padded, this.#at(register));
  }

  #load(register: number, length: number): string {
    const at = this.#at(register);
    return this.#registers.subarray(at, at + length).toHex();
  }
}

function nameOctets(name: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(name));
  return bytes;
}

function hostOrder(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
