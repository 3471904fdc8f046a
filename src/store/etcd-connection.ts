import { isIP } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { checkServerIdentity } from "node:tls";
import {
  type ClientDuplexStream,
  Metadata,
  type ServiceError,
  connectivityState,
  credentials,
  makeClientConstructor,
  status,
} from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { TortieError, assert } from "../lib/index.ts";
import type { EtcdCertificates, EtcdEndpoint } from "./etcd-endpoints.ts";
import { type EtcdMethods, type WatchResponse, etcdSchema } from "./etcd-schema.ts";

type MethodName = keyof EtcdMethods;
type Client = InstanceType<typeof EtcdClient>;
export type WatchCall = ClientDuplexStream<object, WatchResponse>;

/** How long a request may take in all; and one attempt of one that may be repeated. */
const defaultRequestLimitMs = 6_000;
const attemptLimitMs = 2_000;
/** One of several endpoints is waited for so long before the next is tried. */
const connectLimitMs = 500;
const retryDelayMs = 100;
const failureLimitMs = 200;

const channelOptions = {
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
  // etcd takes more than one ping in 5 s for an attack.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  // What to send again is decided here.
  "grpc.enable_retries": 0,
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  // Else two stores of one process would share a connection and its fate.
  "grpc.use_local_subchannel_pool": 1,
};

/** The request may or may not have been done. */
const doubtfulCodes: ReadonlySet<number> = new Set([
  status.CANCELLED,
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.INTERNAL,
  status.UNAVAILABLE,
]);

const definitions = fromJSON(etcdSchema, { longs: Number, defaults: true });
const EtcdClient = makeClientConstructor(
  { ...serviceOf("etcdserverpb.KV"), ...serviceOf("etcdserverpb.Watch") },
  "etcd",
);

function serviceOf(name: string) {
  const definition = definitions[name];
  assert(definition !== undefined && !("format" in definition), `${name} is a service`);
  return definition;
}

/**
 * Requests to whichever endpoint answers. A connection that is lost is made again by gRPC; when one endpoint does not
 * answer the next is used, and stays in use until it fails.
 */
export class EtcdConnection implements Disposable {
  readonly #clients: readonly Client[];
  readonly #endpoints: readonly EtcdEndpoint[];
  readonly #requestLimitMs: number;
  #current = 0;

  constructor(
    endpoints: readonly EtcdEndpoint[],
    certificates: EtcdCertificates,
    requestLimitMs = defaultRequestLimitMs,
  ) {
    this.#requestLimitMs = requestLimitMs;
    this.#endpoints = endpoints;
    this.#clients = endpoints.map((endpoint) => makeClient(endpoint, certificates));
  }

  /**
   * `isRepeatable`: sent again when the connection dies before the answer. `isRepeated` tells that this was so: then a first
   * copy may have been done before. TT_API_UNAVAILABLE when nobody answers in time: what may not be repeated may have been done.
   * TT_API_GONE for a revision that etcd does not have; TT_API_INVALID for what is too large; TT_STORE for other refusals.
   */
  async call<M extends MethodName>(
    method: M,
    request: EtcdMethods[M]["request"],
    { isRepeatable }: { readonly isRepeatable: boolean },
  ): Promise<{ readonly response: EtcdMethods[M]["response"]; readonly isRepeated: boolean }> {
    const deadlineMs = performance.now() + this.#requestLimitMs;
    for (let attempt = 1; ; attempt++) {
      const client = this.#readyClient() ?? (await this.#waitForClient(deadlineMs));
      const leftMs = deadlineMs - performance.now();
      const limitMs = isRepeatable ? Math.min(leftMs, attemptLimitMs) : leftMs;
      try {
        return { response: await invoke(client, method, request, limitMs), isRepeated: attempt > 1 };
      } catch (error) {
        if (!isServiceError(error) || !doubtfulCodes.has(error.code)) throw toFailure(error);
        this.#leave(client);
        if (!isRepeatable || performance.now() + retryDelayMs >= deadlineMs)
          throw this.unavailable("did not answer in time", error);
        await delay(retryDelayMs);
      }
    }
  }

  /** A stream to write one create request into; ends with an error when the connection dies or its server loses its leader. */
  async openWatch(): Promise<WatchCall> {
    const client = this.#readyClient() ?? (await this.#waitForClient(performance.now() + this.#requestLimitMs));
    const metadata = new Metadata();
    metadata.set("hasleader", "true");
    const stream: WatchCall = client["watch"]?.(metadata);
    stream.once("error", (error) => {
      if (!isServiceError(error) || error.code !== status.CANCELLED) this.#leave(client);
    });
    return stream;
  }

  unavailable(why: string, cause?: unknown): TortieError {
    const addresses = this.#endpoints.map(({ address }) => address).join(", ");
    return new TortieError("TT_API_UNAVAILABLE", `etcd at ${addresses} ${why}`, {
      cause,
      hint: "whether a write was done shows only in the object; see whether etcd runs",
    });
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
  }

  #readyClient(): Client | undefined {
    const client = this.#clients[this.#current];
    return client?.getChannel().getConnectivityState(true) === connectivityState.READY ? client : undefined;
  }

  /** `deadlineMs` is by performance.now. */
  async #waitForClient(deadlineMs: number): Promise<Client> {
    for (let leftMs; (leftMs = deadlineMs - performance.now()) > 0; ) {
      const client = this.#clients[this.#current];
      assert(client !== undefined, "there is an endpoint");
      try {
        await waitForReady(client, this.#clients.length === 1 ? leftMs : Math.min(leftMs, connectLimitMs));
        return client;
      } catch {
        this.#leave(client);
      }
    }
    const failures = await Promise.all(this.#clients.map(readConnectFailure));
    throw this.unavailable(`cannot be reached: ${failures.join("; ")}`);
  }

  /** Others may have moved on already. */
  #leave(client: Client): void {
    if (this.#clients[this.#current] === client) this.#current = (this.#current + 1) % this.#clients.length;
  }
}

function makeClient({ address, isTls }: EtcdEndpoint, { ca, certificate, key }: EtcdCertificates): Client {
  if (!isTls) return new EtcdClient(address, credentials.createInsecure(), channelOptions);
  const host = address.replace(/:\d+$/, "").replaceAll(/[[\]]/g, "");
  const tls = credentials.createSsl(ca ?? null, key ?? null, certificate ?? null, {
    checkServerIdentity: (_, peer) => checkServerIdentity(host, peer),
  });
  // grpc-js sends the host as the server's name, and Node refuses to send an address as one. The certificate is checked
  // against the address all the same.
  const serverName = isIP(host) === 0 ? {} : { "grpc.ssl_target_name_override": "etcd" };
  return new EtcdClient(address, tls, { ...channelOptions, ...serverName });
}

function waitForReady(client: Client, limitMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.waitForReady(deadlineIn(limitMs), (error) => (error === undefined ? resolve() : reject(error)));
  return promise;
}

/** gRPC tells why it cannot connect only to who sends something nevertheless. */
async function readConnectFailure(client: Client): Promise<string> {
  try {
    await invoke(client, "range", { key: "/", countOnly: true }, failureLimitMs);
    return "it answers now";
  } catch (error) {
    return isServiceError(error) ? error.details : String(error);
  }
}

function invoke<M extends MethodName>(
  client: Client,
  method: M,
  request: EtcdMethods[M]["request"],
  limitMs: number,
): Promise<EtcdMethods[M]["response"]> {
  const { promise, resolve, reject } = Promise.withResolvers<EtcdMethods[M]["response"]>();
  client[method]?.(
    request,
    { deadline: deadlineIn(limitMs) },
    (error: ServiceError | null, response: EtcdMethods[M]["response"]) =>
      error === null ? resolve(response) : reject(error),
  );
  return promise;
}

/** gRPC takes its deadlines by the time of day, and makes them periods at once. */
function deadlineIn(limitMs: number): number {
  return Date.now() + limitMs;
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "details" in error;
}

function toFailure(error: unknown): unknown {
  if (!isServiceError(error)) return error;
  const told = `etcd refuses: ${error.details}`;
  if (error.code === status.OUT_OF_RANGE) return new TortieError("TT_API_GONE", told, { cause: error });
  if (error.code === status.INVALID_ARGUMENT) return new TortieError("TT_API_INVALID", told, { cause: error });
  const isFull = error.code === status.RESOURCE_EXHAUSTED;
  const hint = isFull ? "see whether its space quota is used up (docs/operate/etcd.md)" : "see etcd's log";
  return new TortieError("TT_STORE", told, { cause: error, hint });
}
