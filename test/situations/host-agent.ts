// The programming half of an agent on one host of the situations: resources come as lines instead of from a server, and nobody speaks BGP.
// usage: node host-agent.ts '{"node": NAME}'; each line `{"resources": {KEY: OBJECT or null}}` is answered when the kernel has it.
import { createInterface } from "node:readline";
import { z } from "zod";
import { HostLoop } from "../../src/agent/host-loop.ts";
import { monitorRoutes, openFlowSocket, openNftSocket, openRouteSocket } from "../../src/kernel/index.ts";
import { seededRandom, silentLogger } from "../../src/lib/index.ts";
import { decodeResource } from "../../src/resources/index.ts";

const settings = z.object({ node: z.string() });
const order = z.object({ resources: z.record(z.string(), z.unknown()) });
const roundWithinMs = 30_000;

/** Rounds are told apart by when they took what had come: at the reading of the kernel, which all resources follow. */
class Rounds {
  #begun = 0;
  #ended = 0;
  #change = Promise.withResolvers<void>();

  begin(): void {
    this.#begun++;
  }

  end(): void {
    this.#ended = this.#begun;
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  /** Until a round has ended that begins after this call. */
  async untilNext(): Promise<boolean> {
    const before = this.#begun;
    const deadline = performance.now() + roundWithinMs;
    while (this.#ended <= before && performance.now() < deadline) {
      const timer = setTimeout(() => this.#change.resolve(), roundWithinMs);
      await this.#change.promise;
      clearTimeout(timer);
    }
    return this.#ended > before;
  }
}

async function main(): Promise<void> {
  const { node } = settings.parse(JSON.parse(process.argv[2] ?? ""));
  using socket = openRouteSocket();
  using nft = openNftSocket();
  using flows = openFlowSocket();
  const rounds = new Rounds();
  const stop = new AbortController();
  const loop = new HostLoop({
    node,
    socket,
    nft,
    flows,
    log: silentLogger,
    random: seededRandom(1),
    onRoutesRead: () => rounds.begin(),
    onProgrammed: async () => rounds.end(),
  });
  const running = loop.run(stop.signal);
  void watchKernel(loop, stop.signal);
  loop.onSynced();
  const isStarted = await rounds.untilNext();
  process.stdout.write(`${JSON.stringify({ isStarted })}\n`);
  const born = new Set<string>();
  for await (const line of createInterface({ input: process.stdin })) {
    const births: string[] = [];
    for (const [key, object] of Object.entries(order.parse(JSON.parse(line)).resources)) {
      const decoded = object === null ? undefined : decodeResource(object);
      const resource = decoded?.ok === true ? decoded.value : undefined;
      loop.onResource(key, resource);
      if (
        resource?.kind === "WorkloadEndpoint" &&
        resource.spec.node === node &&
        !born.has(resource.spec.interfaceName)
      ) {
        births.push(key);
        born.add(resource.spec.interfaceName);
      }
    }
    const isDone = await rounds.untilNext();
    // As when a workload is attached: its first packet is sent when all is ready for it.
    const signal = AbortSignal.timeout(roundWithinMs);
    for (const key of births) await loop.untilReady({ key, resourceVersion: undefined }, signal);
    const failures = isDone ? loop.failures() : ["no round came to its end", ...loop.failures()];
    process.stdout.write(`${JSON.stringify({ failures })}\n`);
  }
  stop.abort();
  await running;
}

async function watchKernel(loop: HostLoop, signal: AbortSignal): Promise<void> {
  const groups = ["links", "addresses", "neighbours", "nextHops", "routes"] as const;
  for await (const events of monitorRoutes({ groups, signal })) loop.onKernelEvents(events);
}

await main();
