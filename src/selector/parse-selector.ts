import { type Result, failure, success } from "../lib/index.ts";
import { type ComparisonType, type Selector, type SelectorNode, joinNodes, makeSelector, makeSet } from "./ast.ts";

/** Characters of a label name. */
const maxLabelLength = 512;
/** Brackets within brackets: far more than a selector of 1024 characters needs, far less than the stack holds. */
const maxDepth = 600;

/** Reads a selector; blank text means `all()`. The problem's path is empty; its message gives the column, from 1. */
export function parseSelector(text: string): Result<Selector> {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text, start)) start++;
  while (end > start && isSpace(text, end - 1)) end--;
  const parser = new Parser(text.slice(0, end), start);
  try {
    return success(makeSelector(parser.parse()));
  } catch (error) {
    if (error instanceof SyntaxMistake) return failure("", error.message, error.hint);
    throw error;
  }
}

function isSpace(text: string, at: number): boolean {
  return /\p{White_Space}/u.test(text.charAt(at));
}

class SyntaxMistake extends Error {
  readonly hint: string;
  constructor(column: number, message: string, hint: string) {
    super(`at column ${column}: ${message}`);
    this.hint = hint;
  }
}

/** Sticky expressions: each is tried at the present position only. */
const identifier = /[A-Za-z0-9_./-]+/y;
const glimpse = /[A-Za-z0-9_./-]+|&&|\|\||[=!]=|[^]/uy;
const keyword = /(has|all|global)\(/y;
const operator = /(==|!=)|(contains|starts[ \t]*with|ends[ \t]*with|not[ \t]*in|in)(?![A-Za-z0-9_./-])/y;

class Parser {
  readonly #text: string;
  #at: number;
  #depth = 0;

  constructor(text: string, start: number) {
    this.#text = text;
    this.#at = start;
  }

  parse(): SelectorNode {
    if (this.#at === this.#text.length) return { type: "all" };
    const root = this.#or();
    if (this.#at < this.#text.length) {
      const isClosing = this.#text[this.#at] === ")";
      const single = /[&|]/.exec(this.#text.charAt(this.#at))?.[0];
      this.#fail(
        isClosing ? "there is no ( for this )" : `expected && or || instead of ${this.#glimpse()}`,
        single === undefined ? "" : `write ${single}${single}`,
      );
    }
    return root;
  }

  #or(): SelectorNode {
    return this.#list("or", "||", () => this.#list("and", "&&", () => this.#unary()));
  }

  #list(type: "and" | "or", separator: "&&" | "||", operand: () => SelectorNode): SelectorNode {
    const operands = [operand()];
    while (this.#take(separator)) operands.push(operand());
    return joinNodes(type, operands);
  }

  #unary(): SelectorNode {
    let isNegated = false;
    while (this.#take("!")) isNegated = !isNegated;
    const operand = this.#atom();
    return isNegated ? { type: "not", operand } : operand;
  }

  #atom(): SelectorNode {
    if (this.#take("(")) {
      if (++this.#depth > maxDepth) this.#fail(`more than ${maxDepth} brackets within each other`);
      const inner = this.#or();
      this.#depth--;
      this.#expect(")", "expected ) instead of");
      return inner;
    }
    switch (this.#match(keyword)?.[1]) {
      case "has": {
        this.#skipBlanks();
        const label = this.#label("expected a label name in has() instead of");
        this.#expect(")", "expected ) after the label name instead of");
        return { type: "has", label };
      }
      case "all":
        this.#expect(")", "expected all() but found");
        return { type: "all" };
      case "global":
        this.#expect(")", "expected global() but found");
        return { type: "global" };
      default:
        return this.#comparison(this.#label("expected a label name, has(), all(), global(), ! or ( instead of"));
    }
  }

  #comparison(label: string): SelectorNode {
    this.#skipBlanks();
    const word = this.#match(operator)?.[0].replaceAll(/[ \t]/g, "");
    if (word === undefined) {
      const isEnd = this.#at === this.#text.length;
      const hint = isEnd ? `write has(${shorten(label)}) to ask whether the label is there` : operatorHint;
      const message = `expected an operator after the label ${shorten(label)} instead of ${this.#glimpse()}`;
      this.#fail(message, this.#text[this.#at] === "=" ? "write ==" : hint);
    }
    if (word === "in" || word === "notin") {
      return makeSet(word === "in" ? "in" : "notIn", label, this.#set());
    }
    return {
      type: comparisons[word] ?? this.#fail("unknown operator"),
      label,
      value: this.#string(`after ${spelling[word] ?? word}`),
    };
  }

  #set(): string[] {
    this.#expect("{", "expected { and a list of values instead of");
    const values: string[] = [];
    while (!this.#take("}")) {
      values.push(this.#string(values.length === 0 ? "or } after {" : "or } after the comma"));
      if (this.#take(",")) continue;
      this.#expect("}", "expected , or } instead of");
      break;
    }
    return values;
  }

  #string(place: string): string {
    this.#skipBlanks();
    const quote = this.#text[this.#at];
    if (quote !== "'" && quote !== '"') {
      const bare = this.#match(identifier, { isPeek: true })?.[0];
      this.#fail(`expected a quoted string ${place}`, bare === undefined ? "" : `write '${shorten(bare)}'`);
    }
    const end = this.#text.indexOf(quote, this.#at + 1);
    if (end === -1) this.#fail(`the string that begins here has no closing ${quote}`);
    const value = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return value;
  }

  #label(expectation: string): string {
    const start = this.#at;
    const label = this.#match(identifier)?.[0];
    if (label === undefined) {
      const isQuote = this.#text[this.#at] === "'" || this.#text[this.#at] === '"';
      this.#fail(`${expectation} ${this.#glimpse()}`, isQuote ? "label names are written without quotes" : "");
    }
    if (label.length > maxLabelLength) {
      this.#at = start;
      this.#fail(`the label name has ${label.length} characters; at most ${maxLabelLength} are allowed`);
    }
    return label;
  }

  #expect(punctuation: string, expectation: string): void {
    if (!this.#take(punctuation)) this.#fail(`${expectation} ${this.#glimpse()}`);
  }

  /** Skips blanks on both sides, so that after a token the position is that of the next one. */
  #take(punctuation: string): boolean {
    this.#skipBlanks();
    if (!this.#text.startsWith(punctuation, this.#at)) return false;
    this.#at += punctuation.length;
    this.#skipBlanks();
    return true;
  }

  #match(expression: RegExp, options: { isPeek?: boolean } = {}): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#text) ?? undefined;
    if (found !== undefined && options.isPeek !== true) this.#at += found[0].length;
    return found;
  }

  #skipBlanks(): void {
    while (this.#text[this.#at] === " " || this.#text[this.#at] === "\t") this.#at++;
  }

  #glimpse(): string {
    const next = this.#match(glimpse, { isPeek: true })?.[0];
    if (next === undefined) return "the end";
    return next === "\n" || next === "\r" ? "a line break" : JSON.stringify(shorten(next));
  }

  #fail(message: string, hint = ""): never {
    throw new SyntaxMistake(this.#at + 1, message, hint);
  }
}

const comparisons: Readonly<Record<string, ComparisonType>> = {
  "==": "equals",
  "!=": "notEquals",
  contains: "contains",
  startswith: "startsWith",
  endswith: "endsWith",
};

const spelling: Readonly<Record<string, string>> = { startswith: "starts with", endswith: "ends with" };

const operatorHint = "there are ==, !=, in, not in, contains, starts with and ends with";

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
