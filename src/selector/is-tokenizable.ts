/** Each is tried at the present position only, in this order. */
const blanks = /[ \t]+/y;
const operatorWord = /(?:contains|starts[ \t]*with|ends[ \t]*with|not[ \t]*in|in)(?![A-Za-z0-9_./-])/y;
const call = /(?:has\([ \t]*([A-Za-z0-9_./-]+)[ \t]*\)|(?:all|global)\([ \t]*\))/y;
const openCall = /(?:has|all|global)\(/y;
const label = /[A-Za-z0-9_./-]+/y;
const text = /"[^"]*"|'[^']*'/y;
const sign = /==|!=|&&|\|\||[(){},!]/y;

const maxLabelLength = 512;

/** Whether a text falls into the words of the selector language, in whatever order they come. */
export function isTokenizable(selector: string): boolean {
  const trimmed = selector.trim();
  let at = 0;
  let isBehindLabel = false;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(trimmed) ?? undefined;
    if (match !== undefined) at += match[0].length;
    return match;
  };
  while (at < trimmed.length) {
    if (take(blanks) !== undefined) continue;
    if (isBehindLabel && take(operatorWord) !== undefined) {
      isBehindLabel = false;
      continue;
    }
    const called = take(call);
    if (called !== undefined) {
      if ((called[1]?.length ?? 0) > maxLabelLength) return false;
      isBehindLabel = false;
      continue;
    }
    if (take(openCall) !== undefined) return false;
    const name = take(label);
    if (name !== undefined && name[0].length > maxLabelLength) return false;
    if (name === undefined && take(text) === undefined && take(sign) === undefined) return false;
    isBehindLabel = name !== undefined;
  }
  return true;
}
