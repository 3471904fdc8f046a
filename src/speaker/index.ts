// Runs the BGP core of bgp/ on real TCP: sockets, timers and the turn of the event loop.
// Must not decide anything about routes or sessions; every rule is in bgp/.
// Start at open-speaker.ts.
export { type BgpNeighbors, type BgpView, answerBgp } from "./answer-bgp.ts";
export {
  type NextHopCost,
  type NextHopTracker,
  type OpenSpeakerOptions,
  type Speaker,
  openSpeaker,
} from "./open-speaker.ts";
