/** Joins what several say about the use of things: a thing is used as long as one of them uses it. */
export class UseCount {
  readonly #onChange: (id: string, isUsed: boolean) => void;
  readonly #countById = new Map<string, number>();

  constructor(onChange: (id: string, isUsed: boolean) => void) {
    this.#onChange = onChange;
  }

  count(id: string, isUsed: boolean): void {
    const before = this.#countById.get(id) ?? 0;
    const after = before + (isUsed ? 1 : -1);
    if (after === 0) this.#countById.delete(id);
    else this.#countById.set(id, after);
    if (before === 0 || after === 0) this.#onChange(id, after > 0);
  }
}
