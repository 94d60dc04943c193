// How Chromium is started here: as root in a container, and with nothing that looks for its maker's hosts.
export const executable = '/usr/bin/chromium';

export const flags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
