import { askAgent, connect } from "../client/index.ts";

/** Whether the server at this socket serves the API. */
export async function isServerAnswering(socketPath: string): Promise<boolean> {
  using client = connect({ socketPath });
  return await client.list("Namespace", {}).then(
    () => true,
    () => false,
  );
}

/** Whether the agent at this socket is there to be asked. */
export async function isAgentAnswering(socketPath: string): Promise<boolean> {
  return await askAgent(socketPath, "GET", "/v1/status").then(
    () => true,
    () => false,
  );
}
