import { writeFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { BadInput } from "./failure.ts";
import { targetOf } from "./server-target.ts";

type TokenFlags = {
  readonly node?: string;
  readonly role?: string;
  readonly name?: string;
  readonly ttl?: number;
  readonly out?: string;
};

/** token create: what a host joins with, or the credentials file of a person or of a host's CNI. */
export function addTokenCommands(program: Command): void {
  const token = program.command("token").description("let hosts and people in");
  token
    .command("create")
    .description("print a token with which a host joins once, or write a credentials file")
    .option("--node <name>", "the host that is to join; with --role cni or reflector: the Node it works for, or is")
    .addOption(
      new Option("--role <role>", "make a credentials file for this role").choices([
        "admin",
        "viewer",
        "cni",
        "reflector",
      ]),
    )
    .option("--name <name>", "the person that the file is for, as logs will call them")
    .option("--ttl <time>", "how long it is good: 30m, 1h, 7d (default: 1h for a token, 30d for a file)", parseSeconds)
    .option("--out <file>", "where the credentials go; must not be there yet")
    .action(async (flags: TokenFlags, command: Command) => {
      if (flags.role === undefined) await printToken(flags, command);
      else await writeCredentials({ ...flags, role: flags.role }, command);
    });
}

async function printToken({ node, ttl, out }: TokenFlags, command: Command): Promise<void> {
  if (node === undefined || out !== undefined)
    throw new BadInput(["say whom to let in: --node NAME for a host, or --role ROLE --name NAME --out FILE"]);
  const { createJoinToken } = await import("../client/index.ts");
  const { token, expires, server } = await createJoinToken(await targetOf(command), { node, ttlSeconds: ttl });
  console.log(token);
  const place = server === "" ? "https://HOST:PORT" : server;
  console.error(`good once, for ${node}, until ${expires}; on the host, with the token in a file:`);
  console.error(`tortie --server ${place} agent --node ${node} --token FILE`);
  if (server === "") console.error("the server does not listen for other hosts yet: start it with --listen [::]:6443");
}

async function writeCredentials(
  { role, name, node, ttl, out }: TokenFlags & { readonly role: string },
  command: Command,
): Promise<void> {
  if (out === undefined) throw new BadInput(["say where the credentials go: --out FILE"]);
  const isOfNode = role === "cni" || role === "reflector";
  const who = isOfNode ? node : name;
  if (who === undefined) throw new BadInput([`say whose they are: --${isOfNode ? "node" : "name"} NAME`]);
  const { createCredentials, formatCredentials } = await import("../client/index.ts");
  const target = await targetOf(command);
  const credentials = await createCredentials(target, { role, name, node, ttlSeconds: ttl });
  const { server } = command.optsWithGlobals<{ server: string }>();
  const url = server.startsWith("https://") ? server : credentials.server;
  if (url === "")
    throw new BadInput([
      "the server does not listen for other hosts: start it with --listen [::]:6443, then try again",
    ]);
  try {
    writeFileSync(out, formatCredentials({ ...credentials, server: url }, who), { mode: 0o600, flag: "wx" });
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new BadInput([`${out}: cannot be written (${reason}); name a file that is not there`]);
  }
  console.log(
    `${out} written: ${role} ${who} at ${url}; use it with --credentials ${out}, or kubectl --kubeconfig ${out}`,
  );
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function parseSeconds(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (unitSeconds[unit] ?? 0);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError("write a time such as 30m, 1h or 7d");
}
