const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Reads a Kubernetes quantity (`10M`, `1.5Gi`, `1e3`) as whole number, rounded up. Undefined when it is none. */
export function readQuantity(text: string): number | undefined {
  const pattern =
    /^([+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30}))(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?[0-9]{1,3}))?$/;
  const [, number, suffix = "", exponent] = pattern.exec(text) ?? [];
  if (number === undefined) return undefined;
  const factor = exponent === undefined ? (suffixes[suffix] ?? 1) : 10 ** Number(exponent);
  const value = Math.ceil(Number(number) * factor);
  return Number.isFinite(value) ? value : undefined;
}
