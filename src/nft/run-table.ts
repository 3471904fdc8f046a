import { addressVersion, assert, compareBytes, unreachable } from "../lib/index.ts";
import type { Expression, Verdict } from "./expression.ts";
import { type Outcome, type Packet, networkHeader, transportHeader } from "./packet.ts";
import type { Chain, HookName, NftSet, Rule, SetElement, Table } from "./table.ts";

/**
 * What nf_tables does with a packet, for the expressions that our table is made of: registers, chains, jumps, maps. Written
 * from the kernel's behaviour, without a look at how the table is made.
 */
export function runTable(table: Table, packet: Packet): Outcome {
  return new TableRunner(table).run(packet);
}

/** The same for many packets: what can be worked out beforehand is, once. */
export class TableRunner {
  readonly #chains = new Map<string, CompiledChain>();
  readonly #hooked: readonly (readonly [hook: HookName, policy: string, chain: CompiledChain])[];

  constructor(table: Table) {
    const sets = new Map(table.sets.map((set) => [set.name, readSet(set)]));
    assert(sets.size === table.sets.length, "every set has a name of its own");
    const compiler = new Compiler(sets);
    const filters = table.chains.filter(({ hook }) => hook?.type !== "nat");
    for (const chain of filters) this.#chains.set(chain.name, compileChain(chain, compiler));
    assert(this.#chains.size === filters.length, "every chain has a name of its own");
    // Translation of addresses is not looked at.
    this.#hooked = filters
      .toSorted((a, b) => (a.hook?.priority ?? 0) - (b.hook?.priority ?? 0))
      .flatMap(({ name, hook }) => (hook === undefined ? [] : [[hook.hook, hook.policy, this.#chain(name)] as const]));
  }

  run(packet: Packet): Outcome {
    const run = new Run(packet, (name) => this.#chain(name));
    const verdict = this.#passesHooks(run, packet) ? "accept" : "drop";
    return { verdict, logged: run.logged, matched: run.matched };
  }

  #passesHooks(run: Run, packet: Packet): boolean {
    return hooksOf(packet).every((name) =>
      this.#hooked.every(([hook, policy, chain]) => hook !== name || (run.runChain(chain) ?? policy) === "accept"),
    );
  }

  #chain(name: string): CompiledChain {
    const chain = this.#chains.get(name);
    assert(chain !== undefined, `there is a chain ${name}`);
    return chain;
  }
}

function hooksOf({ inputName, outputName }: Packet): readonly HookName[] {
  if (inputName === undefined) return ["output"];
  return outputName === undefined ? ["prerouting", "input"] : ["prerouting", "forward"];
}

type Step = (run: Run) => Verdict | "break" | undefined;
type CompiledRule = { readonly steps: readonly Step[]; readonly comment: string | undefined };
type CompiledChain = { readonly rules: readonly CompiledRule[] };

function compileChain(chain: Chain, compiler: Compiler): CompiledChain {
  return {
    rules: chain.rules.map((rule: Rule) => ({
      steps: rule.expressions.map((expression) => compiler.compile(expression)),
      comment: rule.comment,
    })),
  };
}

type ReadSet = { readonly keyOctets: number; find(key: Uint8Array): SetElement | undefined };

const octetsOf = { nf_proto: 1, ipv4_addr: 4, ipv6_addr: 16, inet_proto: 1, inet_service: 2, mark: 4, ifname: 16 };
const stateBits = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 };

function readSet(set: NftSet): ReadSet {
  const lengths = set.keyType.map((field) => octetsOf[field]);
  const isConcatenated = lengths.length > 1;
  const keyOctets = lengths.reduce((sum, length) => sum + (isConcatenated ? (length + 3) & ~3 : length), 0);
  if (set.isInterval) {
    const find = (bytes: Uint8Array) => {
      const key = bytes.toHex();
      return set.elements.find(({ key: first, last = first }) => first <= key && key <= last);
    };
    return { keyOctets, find };
  }
  const elementByKey = new Map<string, SetElement>(set.elements.map((element) => [element.key, element]));
  return { keyOctets, find: (key) => elementByKey.get(key.toHex()) };
}

/** One packet's way through the table. */
class Run {
  readonly logged: string[] = [];
  readonly matched: string[] = [];
  readonly packet: Packet;
  readonly headers: { readonly network: Uint8Array; readonly transport: Uint8Array };
  readonly registers = new Uint8Array(64);
  /** Of the registers. */
  readonly view = new DataView(this.registers.buffer);
  mark = 0;
  isUntracked = false;
  readonly #chainNamed: (name: string) => CompiledChain;
  #depth = 0;

  constructor(packet: Packet, chainNamed: (name: string) => CompiledChain) {
    this.packet = packet;
    this.headers = { network: networkHeader(packet), transport: transportHeader(packet) };
    this.#chainNamed = chainNamed;
  }

  /** Undefined: its end was reached, or a return. */
  runChain({ rules }: CompiledChain): "accept" | "drop" | undefined {
    assert(++this.#depth <= 16, "the kernel allows 16 jumps within each other");
    for (const rule of rules) {
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

  /** Short values leave the rest of their 4 octets zero. */
  store(at: number, bytes: Uint8Array): undefined {
    this.registers.fill(0, at + bytes.length, at + ((bytes.length + 3) & ~3));
    this.registers.set(bytes, at);
  }

  /** A number in the byte order of our hosts. */
  storeNumber(at: number, value: number): undefined {
    this.view.setUint32(at, value, true);
  }

  load(at: number, length: number): Uint8Array {
    return this.registers.subarray(at, at + length);
  }

  #runRule({ steps, comment }: CompiledRule): Verdict | undefined {
    let verdict: Verdict | undefined;
    for (const step of steps) {
      const outcome = step(this);
      if (outcome === "break") return undefined;
      if (outcome === undefined) continue;
      verdict = outcome;
      break;
    }
    if (comment !== undefined) this.matched.push(comment);
    return verdict;
  }

  #follow(verdict: Verdict): "accept" | "drop" | "continue" | undefined {
    switch (verdict.type) {
      case "accept":
      case "drop":
        return verdict.type;
      case "return":
        return undefined;
      case "jump":
        return this.runChain(this.#chainNamed(verdict.chain)) ?? "continue";
      case "goto":
        return this.runChain(this.#chainNamed(verdict.chain));
    }
  }
}

/** Turns expressions into steps. */
class Compiler {
  readonly #sets: ReadonlyMap<string, ReadSet>;

  constructor(sets: ReadonlyMap<string, ReadSet>) {
    this.#sets = sets;
  }

  compile(expression: Expression): Step {
    switch (expression.type) {
      case "meta":
        return loadMeta(expression.key, placeOf(expression.register));
      case "setMeta":
        return setMark(expression.key, placeOf(expression.register));
      case "payload":
        return loadPayload(expression);
      case "compare":
        return compare(expression);
      case "range":
        return compareRange(expression);
      case "bitwise":
        return combineBits(expression);
      case "lookup": {
        const { set, isNot, register } = expression;
        const find = this.#finder(set, placeOf(register));
        return (run) => ((find(run) !== undefined) === isNot ? "break" : undefined);
      }
      case "lookupVerdict": {
        const find = this.#finder(expression.map, placeOf(expression.register));
        return (run) => find(run)?.verdict ?? "break";
      }
      case "verdict":
        return () => expression.verdict;
      case "connection": {
        assert(expression.key === "state", "only the state is asked");
        const at = placeOf(expression.register);
        return (run) => run.storeNumber(at, stateBits[run.isUntracked ? "untracked" : run.packet.state]);
      }
      case "fib": {
        assert(expression.isPresence, "only presence is asked");
        const at = placeOf(expression.register);
        return (run) => run.storeNumber(at, run.packet.isSourceReal ? 1 : 0);
      }
      case "counter":
        return () => undefined;
      case "log":
        return (run) => void run.logged.push(expression.prefix);
      case "notrack":
        return (run) => {
          run.isUntracked = true;
          return undefined;
        };
      // It never runs dry here.
      case "limit":
        return () => undefined;
      case "reject":
        return () => ({ type: "drop" });
      case "immediate":
      case "masquerade":
      case "unknown":
        throw new Error(`the interpreter does not know ${expression.type}`);
      default:
        return unreachable(expression);
    }
  }

  #finder(name: string, at: number): (run: Run) => SetElement | undefined {
    const set = this.#sets.get(name);
    assert(set !== undefined, `there is a set ${name}`);
    return (run) => set.find(run.load(at, set.keyOctets));
  }
}

type Of<T extends Expression["type"]> = Extract<Expression, { readonly type: T }>;

/** Registers of 16 octets count from 1; those of 4 from 8, over the same octets. */
function placeOf(register: number): number {
  return register < 8 ? (register - 1) * 16 : (register - 8) * 4;
}

function loadMeta(key: string, at: number): Step {
  switch (key) {
    case "inputName":
      return (run) => storeName(run, at, run.packet.inputName ?? "");
    case "outputName":
      return (run) => storeName(run, at, run.packet.outputName ?? "");
    case "family":
      return (run) => run.storeNumber(at, addressVersion(run.packet.source) === 4 ? 2 : 10);
    case "transport":
      return (run) => run.storeNumber(at, run.packet.protocol);
    case "mark":
      return (run) => run.storeNumber(at, run.mark);
  }
  throw new Error(`the interpreter does not know meta ${key}`);
}

function setMark(key: string, at: number): Step {
  assert(key === "mark", "only the mark is set");
  return (run) => {
    run.mark = run.view.getUint32(at, true);
    return undefined;
  };
}

function loadPayload({ base, offset, length, register }: Of<"payload">): Step {
  const at = placeOf(register);
  return (run) => {
    const header = base === "network" ? run.headers.network : run.headers.transport;
    const bytes = header.subarray(offset, offset + length);
    return bytes.length < length ? "break" : run.store(at, bytes);
  };
}

function compare({ register, operator, data }: Of<"compare">): Step {
  const at = placeOf(register);
  const wanted = Uint8Array.fromHex(data);
  const order = ({ registers }: Run) => {
    for (let i = 0; i < wanted.length; i++) {
      const difference = (registers[at + i] ?? 0) - (wanted[i] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  switch (operator) {
    case "==":
      return (run) => (order(run) === 0 ? undefined : "break");
    case "!=":
      return (run) => (order(run) === 0 ? "break" : undefined);
    case "<=":
      return (run) => (order(run) <= 0 ? undefined : "break");
    case ">=":
      return (run) => (order(run) >= 0 ? undefined : "break");
    default:
      throw new Error(`the interpreter does not know ${operator}`);
  }
}

function compareRange({ register, from, to, isNot }: Of<"range">): Step {
  const at = placeOf(register);
  const [low, high] = [Uint8Array.fromHex(from), Uint8Array.fromHex(to)];
  return (run) => {
    const value = run.load(at, low.length);
    const isInside = compareBytes(value, low) >= 0 && compareBytes(value, high) <= 0;
    return isInside === isNot ? "break" : undefined;
  };
}

function combineBits({ source, target, mask, xor }: Of<"bitwise">): Step {
  const [from, to] = [placeOf(source), placeOf(target)];
  const [kept, flipped] = [Uint8Array.fromHex(mask), Uint8Array.fromHex(xor)];
  return (run) => {
    const { registers } = run;
    for (let i = 0; i < kept.length; i++) {
      registers[to + i] = ((registers[from + i] ?? 0) & (kept[i] ?? 0)) ^ (flipped[i] ?? 0);
    }
    return undefined;
  };
}

const encoder = new TextEncoder();

function storeName(run: Run, at: number, name: string): undefined {
  run.registers.fill(0, at, at + octetsOf.ifname);
  encoder.encodeInto(name, run.registers.subarray(at, at + octetsOf.ifname));
}
