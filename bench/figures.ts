import { median } from "./bench.ts";

/** What several rounds have given, by name. */
export class Figures {
  readonly #values = new Map<string, number[]>();

  note(figures: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(figures)) {
      const values = this.#values.get(name);
      if (values === undefined) this.#values.set(name, [value]);
      else values.push(value);
    }
  }

  middle(name: string): number {
    return median(this.#values.get(name) ?? []);
  }
}
