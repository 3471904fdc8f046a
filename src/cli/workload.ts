import type { Command } from "commander";
import type { AttachResponse } from "../agent/index.ts";
import { type AgentOptions, askAgent, withAgentOption } from "./agent-socket.ts";
import { BadInput } from "./failure.ts";

/** workload attach and detach: the agent does the work; this only asks its socket. */
export function addWorkloadCommands(program: Command): void {
  const workload = program
    .command("workload")
    .description("give a network namespace an address and a place under policy");
  withAgentOption(workload.command("attach"))
    .description("attach a network namespace; doing it again changes nothing")
    .requiredOption("--netns <path|pid>", "network namespace: a path, or a process that lives in it")
    .requiredOption("--name <name>", "name of the workload")
    .option("--namespace <name>", "namespace of the endpoint", "default")
    .option("--label <key=value...>", "label, may be repeated", collectLabel, {})
    .option("--profile <name...>", "profile, may be repeated (without: kns.NAMESPACE, which allows both ways)")
    .option("--interface <name>", "interface inside the workload", "eth0")
    .option("-o, --output <format>", "json")
    .action(async (options: AttachOptions & AgentOptions) => {
      const place = /^[1-9][0-9]*$/.test(options.netns) ? { pid: Number(options.netns) } : { netns: options.netns };
      const attached = (await askAgent(options.agent, "POST", "/v1/attach", {
        ...place,
        name: options.name,
        namespace: options.namespace,
        labels: options.label,
        ...(options.profile === undefined ? {} : { profiles: options.profile }),
        interface: options.interface,
      })) as AttachResponse;
      if (options.output === "json") console.log(JSON.stringify(attached, undefined, 2));
      else
        console.log(
          `${attached.namespace}/${options.name} attached: ${attached.addresses.join(", ")} on ${attached.interface} (host end ${attached.hostInterface})`,
        );
    });
  withAgentOption(workload.command("detach"))
    .description("take a workload off the network and give its addresses back; doing it again changes nothing")
    .requiredOption("--name <name>", "name of the workload")
    .option("--namespace <name>", "namespace of the endpoint", "default")
    .action(async (options: AgentOptions & { name: string; namespace: string }) => {
      await askAgent(options.agent, "POST", "/v1/detach", { name: options.name, namespace: options.namespace });
      console.log(`${options.namespace}/${options.name} detached`);
    });
}

type AttachOptions = {
  readonly netns: string;
  readonly name: string;
  readonly namespace: string;
  readonly label: Record<string, string>;
  readonly profile?: string[];
  readonly interface: string;
  readonly output?: string;
};

function collectLabel(text: string, labels: Record<string, string>): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new BadInput([`--label ${text}: write it as KEY=VALUE`]);
  return { ...labels, [text.slice(0, at)]: text.slice(at + 1) };
}
