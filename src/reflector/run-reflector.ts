import { type PeerStatus, type SpeakerConfig, warmUp } from "../bgp/index.ts";
import { type Logger, type Random, TortieError } from "../lib/index.ts";
import { type BgpView, type Speaker, answerBgp, openSpeaker } from "../speaker/index.ts";
import { type Answer, openLineFile, serveSocket } from "../sys/index.ts";
import { KnownClients } from "./known-clients.ts";

/** How the reflector is to be set up, first and whenever that changes; ends when it never will again. */
export type ReflectorSource = (signal: AbortSignal) => AsyncIterable<SpeakerConfig>;

export type RunReflectorOptions = {
  readonly source: ReflectorSource;
  /** The control socket. One that nobody asked for by name may fail to be made: `isRequired`. */
  readonly socket: { readonly path: string; readonly isRequired: boolean };
  /** A file that all that happens to the speaker is written to, for `tortie replay`. */
  readonly recordPath?: string | undefined;
  /** Leave for good at the end, and tell the peers so in these words. Without: they are to keep our routes. */
  readonly shutdownText?: string | undefined;
  readonly log: Logger;
  readonly random: Random;
  readonly signal: AbortSignal;
};

/**
 * Reflects routes until the signal aborts.
 *
 *     source ──> Speaker <──> clients            control socket ──> answerBgp ──> Speaker's tables
 */
export async function runReflector(options: RunReflectorOptions): Promise<void> {
  const { log, signal, recordPath } = options;
  const startedAt = performance.now();
  await using stack = new AsyncDisposableStack();
  let running: Running | undefined;
  const socket = await openControl(options, () => running?.view);
  if (socket !== undefined) stack.use(socket);
  // Beside the socket, which keeps others from the same place.
  const clients =
    socket === undefined
      ? undefined
      : stack.use(new KnownClients(options.socket.path.replace(/(\.sock)?$/, ".clients"), log));
  const recording = recordPath === undefined ? undefined : stack.use(openLineFile(recordPath, log));
  warmUp();
  for await (const config of options.source(signal)) {
    if (signal.aborted) break;
    if (running === undefined) {
      const speaker = stack.use(await open(options, config, { clients, record: recording?.write }));
      running = { speaker, view: viewOf(speaker, config) };
      log.info("reflector started", { ...placeOf(config), tookMs: Math.round(performance.now() - startedAt) });
    } else {
      running.speaker.configure(config);
      running.view = viewOf(running.speaker, config);
      log.info("settings changed", placeOf(config));
    }
  }
  await untilAborted(signal);
  if (options.shutdownText === undefined) return;
  await running?.speaker.shutDown(options.shutdownText);
  clients?.forget();
}

type RecordLine = (line: string) => void;
type Running = { readonly speaker: Speaker; view: BgpView };

async function open(
  options: RunReflectorOptions,
  config: SpeakerConfig,
  { clients, record }: { readonly clients: KnownClients | undefined; readonly record: RecordLine | undefined },
): Promise<Speaker> {
  const { log, random } = options;
  const established = new Set<string>();
  const speaker = await openSpeaker({
    config: clients?.expectedBy(config) ?? config,
    isRestart: false,
    log,
    random,
    // How it ends is decided above.
    signal: new AbortController().signal,
    ...(record === undefined ? {} : { record }),
    onPeer: (status) => {
      clients?.note(status);
      logPeer(status, established, log);
    },
    onRestartEnd: () => undefined,
  });
  // It has no routes of its own, and says so: only then may a client be told that it has heard everything.
  speaker.originate([]);
  return speaker;
}

/** The speaker tells of sessions that come up; what operators want to know besides is when one that stood goes. */
function logPeer({ name, address, state, lastError }: PeerStatus, established: Set<string>, log: Logger): void {
  if (state === "established") established.add(name);
  else if (established.delete(name)) log.warn("BGP session down", { peer: name, address, reason: lastError });
}

async function openControl(
  { socket, log }: RunReflectorOptions,
  view: () => BgpView | undefined,
): Promise<AsyncDisposable | undefined> {
  try {
    return await serveSocket(socket.path, (method, path) => answer(method, path, view()), log);
  } catch (error) {
    if (socket.isRequired) throw asTortieError(error, socket.path);
    const reason = error instanceof Error ? error.message : String(error);
    log.warn("no control socket; `tortie bgp` cannot ask this reflector", { socket: socket.path, reason });
    return undefined;
  }
}

function asTortieError(cause: unknown, path: string): TortieError {
  if (cause instanceof TortieError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TortieError("TT_CONFIG", `the control socket ${path} cannot be made: ${reason}`, {
    cause,
    hint: "name another place with --socket",
  });
}

function answer(method: string, path: string, view: BgpView | undefined): Answer {
  const nowMs = performance.timeOrigin + performance.now();
  return (
    answerBgp(method, path, view, nowMs) ?? {
      status: 404,
      body: {
        error: { code: "TT_USAGE", message: `there is no ${method} ${path}`, hint: "see docs/reference/cli.md" },
      },
    }
  );
}

function viewOf(speaker: Speaker, { localAs, routerId }: SpeakerConfig): BgpView {
  return {
    localAs,
    routerId,
    status: () => speaker.status(),
    routes: (query) => speaker.routes(query),
    received: (peer) => speaker.received(peer),
    advertised: (peer) => speaker.advertised(peer),
  };
}

/** For the log. */
function placeOf({ localAs, routerId, listenPort, listenAddresses, peers, ranges = [] }: SpeakerConfig) {
  return {
    localAs,
    routerId,
    listen: `${listenAddresses?.join(", ") ?? "every address"} port ${listenPort}`,
    clients: ranges.map(({ prefix }) => prefix).join(", "),
    peers: peers.length,
  };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
