import type { Command } from "commander";
import type { GetOptions, ScopeOptions } from "./resource-actions.ts";

/** apply, get, delete. What they do is loaded when they are asked for, so that other commands start fast. */
export function addResourceCommands(program: Command): void {
  program
    .command("apply")
    .description("create or update what the manifests describe; nothing is changed when one of them is wrong")
    .requiredOption("-f, --filename <path...>", "file, folder, or - for standard input")
    .action(async (options: { filename: string[] }, command: Command) => {
      const { applyFiles } = await import("./resource-actions.ts");
      await applyFiles(serverOf(command), options.filename);
    });
  program
    .command("get")
    .description("list objects of a kind, or show one")
    .argument("<kind>", "such as nodes, networkpolicy, ippools")
    .argument("[name]")
    .option("-n, --namespace <name>", "namespace (default: default)")
    .option("-A, --all-namespaces", "objects of all namespaces")
    .option("-o, --output <format>", "yaml, json or name")
    .action(async (kind: string, name: string | undefined, options: GetOptions, command: Command) => {
      const { getObjects } = await import("./resource-actions.ts");
      await getObjects(serverOf(command), kind, name, options);
    });
  program
    .command("delete")
    .description("delete an object, or what the manifests describe")
    .argument("[kind]")
    .argument("[name]")
    .option("-n, --namespace <name>", "namespace (default: default)")
    .option("-f, --filename <path...>", "file, folder, or - for standard input")
    .action(
      async (
        kind: string | undefined,
        name: string | undefined,
        options: ScopeOptions & { filename?: string[] },
        command: Command,
      ) => {
        const { deleteFiles, deleteNamed } = await import("./resource-actions.ts");
        if (options.filename !== undefined) await deleteFiles(serverOf(command), options.filename);
        else await deleteNamed(serverOf(command), kind, name, options.namespace ?? "default");
      },
    );
}

function serverOf(command: Command): string {
  return command.optsWithGlobals<{ server: string }>().server;
}
