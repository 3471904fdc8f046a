/** Numbers for Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4). */

type Labels = Readonly<Record<string, string>>;

export type Metric = {
  /** Letters, digits and `_`; the unit at the end (`_seconds`, `_bytes`), of counters `_total`. */
  readonly name: string;
  readonly help: string;
} & (
  | { readonly type: "counter" | "gauge"; readonly samples: readonly Sample[] }
  | { readonly type: "histogram"; readonly histogram: Histogram }
);

export type Sample = { readonly labels?: Labels; readonly value: number };

/** How often something took up to so long. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** Upper bounds, included, in rising order; beyond the last there is one more. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = [...bounds, 0].map(() => 0);
  }

  observe(value: number): void {
    const found = this.#bounds.findIndex((bound) => value <= bound);
    const at = found === -1 ? this.#bounds.length : found;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  get sum(): number {
    return this.#sum;
  }

  /** Each counts all up to its bound. */
  buckets(): { readonly bound: number; readonly count: number }[] {
    let count = 0;
    return this.#counts.map((own, at) => {
      count += own;
      return { bound: this.#bounds[at] ?? Infinity, count };
    });
  }
}

export function formatMetrics(metrics: Iterable<Metric>): string {
  const lines: string[] = [];
  for (const metric of metrics) {
    const { name, help, type } = metric;
    lines.push(`# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`, `# TYPE ${name} ${type}`);
    if (metric.type !== "histogram") {
      for (const { labels, value } of metric.samples) lines.push(line(name, labels, value));
      continue;
    }
    const buckets = metric.histogram.buckets();
    for (const { bound, count } of buckets) lines.push(line(`${name}_bucket`, { le: numberText(bound) }, count));
    lines.push(line(`${name}_sum`, undefined, metric.histogram.sum));
    lines.push(line(`${name}_count`, undefined, buckets.at(-1)?.count ?? 0));
  }
  return lines.map((text) => `${text}\n`).join("");
}

function line(name: string, labels: Labels | undefined, value: number): string {
  const pairs = Object.entries(labels ?? {}).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${numberText(value)}`;
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}
