// Runs inside a workload. `reach.ts serve` answers on TCP port 8080, both IP versions.
// `reach.ts probe ADDRESS ...` tries every address once and prints one JSON object: address to true or false.
import { once } from "node:events";
import { type Socket, connect, createServer } from "node:net";

const port = 8080;
const patienceMs = 1000;

async function serve(): Promise<void> {
  const server = createServer((socket: Socket) => {
    socket.on("error", () => socket.destroy());
    socket.end("hello\n");
  });
  server.listen({ host: "::", port });
  await once(server, "listening");
  process.stdout.write("ready\n");
}

function canReach(address: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: address, port, timeout: patienceMs });
  const finish = (isReached: boolean) => {
    socket.destroy();
    resolve(isReached);
  };
  socket.once("connect", () => finish(true));
  socket.once("timeout", () => finish(false));
  socket.once("error", () => finish(false));
  return promise;
}

const [mode, ...addresses] = process.argv.slice(2);
if (mode === "serve") await serve();
else {
  const results = await Promise.all(addresses.map(async (address) => [address, await canReach(address)] as const));
  process.stdout.write(`${JSON.stringify(Object.fromEntries(results))}\n`);
}
