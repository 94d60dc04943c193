// A TCP connection that looks enough like a WebSocket for STOMP.js, which then speaks STOMP as it is: no handshake, no
// messages, frames cut anywhere.

import net from 'node:net';

export class TCPSocket {
  constructor(port, host) {
    this.url = `tcp://${host}:${port}`;
    this.binaryType = 'arraybuffer';
    this.readyState = 0; // CONNECTING
    this.socket = net.connect(port, host);
    this.socket.setNoDelay(true);
    this.socket.on('connect', () => { this.readyState = 1; this.onopen?.({}); });
    this.socket.on('data', (data) => { this.onmessage?.({ data: new Uint8Array(data).buffer }); });
    this.socket.on('error', (error) => { this.onerror?.(error); });
    this.socket.on('close', (hadError) => {
      this.readyState = 3; // CLOSED
      this.onclose?.({ code: hadError ? 1006 : 1000, reason: '', wasClean: !hadError });
    });
  }

  send(data) { this.socket.write(typeof data === 'string' ? data : Buffer.from(data)); }

  close() { this.readyState = 2; this.socket.end(); }

  terminate() { this.socket.destroy(); }
}
