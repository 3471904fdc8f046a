import type { Daemon, Place } from "./network.ts";
import { expect, soon } from "./waiting.ts";

/** Ten packets a second to one address, from the first answer to the end; what was lost is what forwarding has lost. */
export class Pings {
  readonly #place: Place;
  readonly #log: string;
  readonly #daemon: Daemon;

  private constructor(place: Place, log: string, daemon: Daemon) {
    this.#place = place;
    this.#log = log;
    this.#daemon = daemon;
  }

  static async start(place: Place, target: string): Promise<Pings> {
    const log = `ping-${target.replaceAll(":", "-")}.log`;
    const pings = new Pings(place, log, place.start(log, ["ping", "-i", "0.1", target]));
    await soon(
      `answers to pings of ${target}`,
      async () => place.read(log),
      (text) => answered(text).length > 0,
    );
    return pings;
  }

  async expectNoLoss(): Promise<void> {
    this.#daemon.signal("SIGINT");
    const line = /^(\d+) packets transmitted.*$/m;
    const text = await soon(
      "ping to end",
      async () => this.#place.read(this.#log),
      (text) => line.test(text),
    );
    const [summary, sent] = line.exec(text) ?? [];
    const numbers = answered(text);
    const [first = 0] = numbers;
    // The last one may still be on its way.
    expect("no ping lost", Number(sent) - first + 1 - numbers.length <= 1, `${summary}, the first answered: ${first}`);
  }
}

/** Numbers of the packets that were answered, in order. */
function answered(text: string): number[] {
  return [...text.matchAll(/bytes from .*icmp_seq=(\d+)/g)].map(([, number]) => Number(number));
}
