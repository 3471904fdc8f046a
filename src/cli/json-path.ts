import { BadInput } from "./failure.ts";

/** One step into a value; gives all that is there. */
type Step = (value: unknown) => readonly unknown[];
type Part =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "values"; readonly steps: readonly Step[] }
  | { readonly type: "range"; readonly steps: readonly Step[]; readonly body: readonly Part[] };

/**
 * The part of kubectl's JSONPath templates that people use: text, `{.a.b}`, `{.a[0]}`, `{.a[-1]}`, `{.a[*].b}`, `{.a['b.c/d']}`,
 * `{.a[?(@.b=="c")].d}`, `{range .items[*]}...{end}` and `{"\n"}`. BadInput for what it does not know.
 */
export function formatJsonPath(template: string, value: unknown): string {
  const tokens = tokenize(template);
  const parts = parseParts(tokens, template);
  if (tokens.length > 0) throw mistake(template, "there is an {end} without its {range}");
  return render(parts, value);
}

type Token = { readonly isCode: boolean; readonly text: string };

function tokenize(template: string): Token[] {
  // Without any brace the whole is one path, as kubectl takes it.
  const whole = template.includes("{") ? template : `{${template}}`;
  const tokens: Token[] = [];
  for (const [piece, code, text] of whole.matchAll(/\{((?:"(?:\\.|[^"\\])*"|'[^']*'|[^{}"'])*)\}|([^{]+)|\{/g)) {
    if (piece === "{") throw mistake(template, "a { has no }");
    tokens.push(code === undefined ? { isCode: false, text: text ?? "" } : { isCode: true, text: code.trim() });
  }
  return tokens;
}

/** Takes tokens from the front, up to the {end} of a range. */
function parseParts(tokens: Token[], template: string, isRange = false): Part[] {
  const parts: Part[] = [];
  for (let token = tokens.shift(); token !== undefined; token = tokens.shift()) {
    const { isCode, text } = token;
    const range = /^range\s+(.*)$/.exec(text);
    if (!isCode) parts.push({ type: "text", text });
    else if (text === "end") {
      if (isRange) return parts;
      tokens.unshift(token);
      return parts;
    } else if (range !== null) {
      const steps = parsePath(range[1] ?? "", template);
      parts.push({ type: "range", steps, body: parseParts(tokens, template, true) });
    } else if (text.startsWith('"')) parts.push({ type: "text", text: readText(text, template) });
    else parts.push({ type: "values", steps: parsePath(text, template) });
  }
  if (isRange) throw mistake(template, "a {range} has no {end}");
  return parts;
}

function readText(text: string, template: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    throw mistake(template, `${text} is no text in quotes`);
  }
}

const steps: readonly (readonly [shape: RegExp, make: (match: readonly string[]) => Step])[] = [
  [/^\.?\[\*\]/, () => membersOf],
  [/^\.\*/, () => membersOf],
  [
    /^\.?\[(-?\d+)\]/,
    ([, index]) =>
      (value) =>
        Array.isArray(value) ? value.slice(Number(index)).slice(0, 1) : [],
  ],
  [
    /^\.?\[['"]([^'"]*)['"]\]/,
    ([, name = ""]) =>
      (value) =>
        memberOf(value, name),
  ],
  [/^\.?\[\?\(\s*@([^=!)]+?)\s*(==|!=)\s*("[^"]*"|'[^']*'|[^)\s]+)\s*\)\]/, makeTest],
  [
    /^\.((?:\\.|[^.[\]\\\s])+)/,
    ([, name = ""]) =>
      (value) =>
        memberOf(value, name.replaceAll(/\\(.)/g, "$1")),
  ],
];

function parsePath(text: string, template: string): Step[] {
  const found: Step[] = [];
  let rest = text.replace(/^[$@]/, "");
  if (rest !== "" && !/^[.[]/.test(rest)) rest = `.${rest}`;
  while (rest !== "" && rest !== ".") {
    const next = steps.map(([shape, make]) => ({ match: shape.exec(rest), make })).find(({ match }) => match !== null);
    if (next?.match === undefined || next.match === null) throw mistake(template, `"${rest}" cannot be read`);
    found.push(next.make(next.match));
    rest = rest.slice(next.match[0].length);
  }
  return found;
}

function makeTest([, path = "", operator, literal = ""]: readonly string[]): Step {
  const inner = parsePath(path, path);
  const wanted = literal.replaceAll(/^["']|["']$/g, "");
  return (value) =>
    membersOf(value).filter((member) => {
      const isEqual = follow(inner, member).some((found) => print(found) === wanted);
      return isEqual === (operator === "==");
    });
}

function membersOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === "object" && value !== null ? Object.values(value) : [];
}

function memberOf(value: unknown, name: string): readonly unknown[] {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return [];
  return [Reflect.get(value, name)];
}

function follow(path: readonly Step[], value: unknown): readonly unknown[] {
  return path.reduce<readonly unknown[]>((values, step) => values.flatMap(step), [value]);
}

function render(parts: readonly Part[], value: unknown): string {
  return parts
    .map((part) => {
      if (part.type === "text") return part.text;
      const found = follow(part.steps, value);
      if (part.type === "values") return found.map(print).join(" ");
      return found.map((each) => render(part.body, each)).join("");
    })
    .join("");
}

function print(value: unknown): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

function mistake(template: string, why: string): BadInput {
  return new BadInput([`-o jsonpath=${template}: ${why}; write it like {.items[*].metadata.name}`]);
}
