import { type Command, InvalidArgumentError } from "commander";
import type { DeleteFlags, LabelFlags, PatchFlags } from "./change-objects.ts";
import { targetOf } from "./server-target.ts";
import type { GetOptions } from "./get-objects.ts";
import type { ApplyFlags, WriteFlags } from "./write-manifests.ts";

/** What reads and changes objects. What the commands do is loaded when they are asked for, so that others start fast. */
export function addResourceCommands(program: Command): void {
  addGet(program);
  addManifestCommands(program);
  addDelete(program);
  addChangeCommands(program);
}

function addGet(program: Command): void {
  withScope(program.command("get"))
    .description("list objects of a kind, or show those that are named")
    .argument("<kind>", "such as nodes, networkpolicy, ippools; or KIND/NAME")
    .argument("[name...]")
    .option("-A, --all-namespaces", "objects of all namespaces")
    .option("-l, --selector <selector>", "only those with these labels, such as app=web,tier!=db")
    .option("-o, --output <format>", "wide, yaml, json, name or jsonpath=TEMPLATE")
    .option("-w, --watch", "go on with every change, until stopped")
    .action(async (kind: string, names: string[], options: GetOptions, command: Command) => {
      const { getObjects } = await import("./get-objects.ts");
      await getObjects(await targetOf(command), [kind, ...names], options);
    });
}

function addManifestCommands(program: Command): void {
  withServerSide(withManifests(program.command("apply")))
    .description("create or update what the manifests describe; nothing is changed when one of them is wrong")
    .action(async (flags: ApplyFlags, command: Command) => {
      const { applyFiles } = await import("./write-manifests.ts");
      await applyFiles(await targetOf(command), flags);
    });
  withServerSide(withFiles(program.command("diff")))
    .description("what apply would change; exit status 1 when there is something")
    .action(async (flags: ApplyFlags, command: Command) => {
      const { diffFiles } = await import("./write-manifests.ts");
      await diffFiles(await targetOf(command), flags);
    });
  withManifests(program.command("create"))
    .description("create what the manifests describe")
    .action(async (flags: WriteFlags, command: Command) => {
      const { createFiles } = await import("./write-manifests.ts");
      await createFiles(await targetOf(command), flags);
    });
  withManifests(program.command("replace"))
    .description("put what the manifests describe in the place of what is there")
    .action(async (flags: WriteFlags, command: Command) => {
      const { replaceFiles } = await import("./write-manifests.ts");
      await replaceFiles(await targetOf(command), flags);
    });
}

function addDelete(program: Command): void {
  withDryRun(withScope(program.command("delete")))
    .description("delete objects, or what the manifests describe")
    .argument("[kind]")
    .argument("[name...]")
    .option("-f, --filename <path...>", "file, folder, or - for standard input")
    .option("-l, --selector <selector>", "those with these labels")
    .option("--all", "all of the kind, in the namespace")
    .option("-A, --all-namespaces", "with -l or --all: in all namespaces")
    .option("--ignore-not-found", "what is not there is no error")
    .action(
      async (kind: string | undefined, names: string[], flags: DeleteFlags & Partial<WriteFlags>, command: Command) => {
        const { filename } = flags;
        if (filename !== undefined) {
          const { deleteFiles } = await import("./write-manifests.ts");
          await deleteFiles(await targetOf(command), { ...flags, filename });
        } else {
          const { deleteObjects } = await import("./change-objects.ts");
          await deleteObjects(await targetOf(command), kind === undefined ? [] : [kind, ...names], flags);
        }
      },
    );
}

function addChangeCommands(program: Command): void {
  withDryRun(withScope(program.command("patch")))
    .description("change members of an object")
    .argument("<kind>")
    .argument("[name...]")
    .option("--type <type>", "merge (RFC 7396) or json (RFC 6902)", "merge")
    .option("-p, --patch <text>", "the patch, as JSON or YAML")
    .option("--patch-file <path>", "file with the patch, or - for standard input")
    .option("-o, --output <format>", "print the object: yaml, json, name or jsonpath=TEMPLATE")
    .action(async (kind: string, names: string[], flags: PatchFlags, command: Command) => {
      const { patchObjects } = await import("./change-objects.ts");
      await patchObjects(await targetOf(command), [kind, ...names], flags);
    });
  withDryRun(withScope(program.command("label")))
    .description("set or take away labels: tortie label KIND NAME key=value other-")
    .argument("<kind>")
    .argument("<name-or-label...>")
    .option("--overwrite", "change labels that are there with another value")
    .action(async (kind: string, words: string[], flags: LabelFlags, command: Command) => {
      const { labelObjects } = await import("./change-objects.ts");
      await labelObjects(await targetOf(command), [kind, ...words], flags);
    });
}

function withScope(command: Command): Command {
  return command.option("-n, --namespace <name>", "namespace (default: default)");
}

function withFiles(command: Command): Command {
  return command.requiredOption("-f, --filename <path...>", "file, folder, or - for standard input");
}

function withManifests(command: Command): Command {
  return withDryRun(withFiles(command)).option("-o, --output <format>", "print the objects: yaml, json or name");
}

/** kubectl's `--dry-run=server` means the same; there is no other way here. */
function withDryRun(command: Command): Command {
  return command.option("--dry-run [where]", "let the server judge it, and change nothing", readDryRun);
}

function readDryRun(where: string): boolean {
  if (where === "server") return true;
  if (where === "none") return false;
  throw new InvalidArgumentError("write --dry-run, or --dry-run=server");
}

function withServerSide(command: Command): Command {
  return command
    .option("--server-side", "set only the fields that the manifest has, and own them")
    .option("--force-conflicts", "with --server-side: take over fields that others own")
    .option("--field-manager <name>", "with --server-side: in whose name", "tortie");
}
