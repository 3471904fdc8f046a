import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type LinkedHosts, eventually } from "./linked-hosts.ts";

export const hasFrr = existsSync("/usr/lib/frr/zebra");

/** FRR on the host b: zebra and another daemon. It gives up being root, so that it needs real users. */
export async function startFrr(
  hosts: LinkedHosts,
  name: string,
  config: string,
  options: readonly string[] = [],
): Promise<(words: string) => string> {
  const folder = join(hosts.folder, "frr");
  mkdirSync(folder);
  writeFileSync(join(folder, "frr.conf"), config);
  writeFileSync(join(folder, "vtysh.conf"), "");
  execFileSync("chown", ["-R", "frr:frr", folder]);
  const start = async (daemon: string, more: readonly string[]) => {
    const own = ["-z", join(folder, "zserv.api"), "--vty_socket", folder, "-i", join(folder, `${daemon}.pid`)];
    hosts.start(hosts.b, `/usr/lib/frr/${daemon}`, [...own, "-f", join(folder, "frr.conf"), "-P", "0", ...more]);
    await eventually(`the socket of ${daemon}`, () => existsSync(join(folder, `${daemon}.vty`)));
  };
  await start("zebra", []);
  await eventually("zebra's socket", () => existsSync(join(folder, "zserv.api")));
  await start(name, options);
  return (words) => hosts.run(hosts.b, "vtysh", ["--vty_socket", folder, "-c", words]);
}
