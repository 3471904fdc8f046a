import type { SessionConfig, SpeakerConfig } from "./config.ts";
import type { Open } from "./open.ts";

const defaultHoldTimeSeconds = 90;

export type OwnState = {
  /** We have just restarted. */
  readonly isRestarting: boolean;
  /** What we learned before is still in force in the kernel. */
  readonly isForwarding: boolean;
};

/** The OPEN to greet a peer with. */
export function makeOwnOpen(
  speaker: SpeakerConfig,
  session: SessionConfig,
  { isRestarting, isForwarding }: OwnState,
): Open {
  const { families, addPath, longLivedStaleSeconds = 0 } = session;
  return {
    asNumber: session.localAs ?? speaker.localAs,
    holdTimeSeconds: session.holdTimeSeconds ?? defaultHoldTimeSeconds,
    routerId: speaker.routerId,
    families,
    canRefresh: true,
    hasFourOctetAs: true,
    hasExtendedMessages: true,
    hasEnhancedRefresh: true,
    hasExtendedNextHop: session.hasExtendedNextHop === true && families.includes("ipv4-unicast"),
    addPath:
      addPath === undefined
        ? []
        : families.map((family) => ({ family, canSend: addPath.canSend, canReceive: addPath.canReceive })),
    gracefulRestart: {
      isRestarting,
      hasNotifications: true,
      restartTimeSeconds: session.restartTimeSeconds ?? speaker.restartTimeSeconds,
      families: families.map((family) => ({ family, isForwarding })),
    },
    ...(longLivedStaleSeconds === 0
      ? {}
      : {
          longLivedRestart: families.map((family) => ({
            family,
            isForwarding,
            staleTimeSeconds: longLivedStaleSeconds,
          })),
        }),
  };
}
