/** Watches the processor time of each turn of the event loop, in milliseconds. */
export function maxTurnMs(): { stop(): number } {
  let most = 0;
  let isOn = true;
  let before = cpuMs();
  const look = () => {
    const now = cpuMs();
    most = Math.max(most, now - before);
    before = now;
    if (isOn) setImmediate(look);
  };
  setImmediate(look);
  return {
    stop() {
      isOn = false;
      return most;
    },
  };
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
