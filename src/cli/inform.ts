import type { Command } from "commander";
import type { ExplainFlags } from "./explain.ts";
import { targetOf } from "./server-target.ts";

/** What tells about the API and about this program. */
export function addInformCommands(program: Command): void {
  program
    .command("explain")
    .description("what goes into a kind, or into a member of it: tortie explain networkpolicy.spec.ingress")
    .argument("<kind.member>")
    .option("--recursive", "members of members too")
    .action(async (path: string, flags: ExplainFlags) => {
      const { explain } = await import("./explain.ts");
      console.log(explain(path, flags));
    });
  program
    .command("api-resources")
    .description("all kinds, and the names they go by")
    .action(async () => {
      const { formatApiResources } = await import("./explain.ts");
      console.log(formatApiResources());
    });
  program
    .command("version")
    .description("the versions of this program and of the server")
    .option("--client", "of this program only")
    .action(async (flags: { client?: boolean }, command: Command) => {
      console.log(`client: ${program.version() ?? ""}`);
      if (flags.client === true) return;
      const { connect } = await import("../client/index.ts");
      console.log(`server: ${await connect(await targetOf(command)).version()}`);
    });
  program
    .command("completion")
    .description("a script that completes words: tortie completion bash|zsh|fish")
    .argument("<shell>")
    .action(async (shell: string) => {
      const { completionScript } = await import("./completion.ts");
      console.log(completionScript(shell));
    });
  program
    .command("complete", { hidden: true })
    .argument("[words...]")
    .action(async (words: string[], _: object, command: Command) => {
      const { completeWords } = await import("./completion.ts");
      for (const word of await completeWords(program, words, await targetOf(command))) console.log(word);
    });
}
