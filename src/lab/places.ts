// Where things are inside a lab. /run is a file system of the lab's own, so nothing of this is seen outside.

export const netnsDir = "/run/netns";
const labDir = "/run/tortie-lab";
export const logDir = `${labDir}/log`;
export const controlSocket = `${labDir}/control.sock`;
export const serverSocket = "/run/tortie/server.sock";
export const serverStateDir = "/run/tortie-state/server";

export function netnsPath(name: string): string {
  return `${netnsDir}/${name}`;
}

export function logPath(process: string): string {
  return `${logDir}/${process}.log`;
}

export function spineConfigPath(spine: string): string {
  return `${labDir}/${spine}.json`;
}

export function agentRunDir(host: string): string {
  return `/run/tortie/${host}`;
}

export function agentSocket(host: string): string {
  return `${agentRunDir(host)}/agent.sock`;
}

/** What the host joins the cluster with. */
export function joinTokenPath(host: string): string {
  return `${labDir}/${host}.token`;
}

export function agentStateDir(host: string): string {
  return `/run/tortie-state/${host}`;
}
