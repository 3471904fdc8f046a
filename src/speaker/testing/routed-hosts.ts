import { LinkedHosts } from "./linked-hosts.ts";
import { join } from "node:path";
import { makeNamespace, removeNamespace } from "../../sys/index.ts";

/** Linked hosts, of which b is a router to c: vc of b has 10.1.0.2 and fd01::2, vd of c 10.1.0.3 and fd01::3. */
export class RoutedHosts extends LinkedHosts {
  readonly c = join(this.folder, "netns-c");

  constructor() {
    super();
    makeNamespace(this.c);
    this.ip(this.c, "link set lo up");
    this.ip(this.b, "link add vc type veth peer name vd");
    this.ip(this.b, `link set vd netns ${this.c}`);
    for (const [netns, link, number] of [
      [this.b, "vc", 2],
      [this.c, "vd", 3],
    ] as const) {
      this.ip(netns, `link set ${link} addrgenmode none up`);
      this.ip(netns, `addr add 10.1.0.${number}/24 dev ${link}`);
      this.ip(netns, `addr add fd01::${number}/64 dev ${link} nodad`);
    }
    this.run(this.b, "sysctl", ["-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
    this.ip(this.a, "route add 10.1.0.0/24 via 10.0.0.2");
    this.ip(this.a, "route add fd01::/64 via fd00::2");
    this.ip(this.c, "route add 10.0.0.0/24 via 10.1.0.2");
    this.ip(this.c, "route add fd00::/64 via fd01::2");
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    removeNamespace(this.c);
    await super[Symbol.asyncDispose]();
  }
}
